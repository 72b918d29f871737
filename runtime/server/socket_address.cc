#include "runtime/server/socket_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <string.h>
#include <unistd.h>

namespace aoti::server {
namespace {

uint16_t port_of(const sockaddr_storage &address) {
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6 &>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in &>(address).sin_port);
}

// -1 with errno.
int listen_at(const addrinfo &at) {
  const int descriptor = socket(at.ai_family, at.ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC, at.ai_protocol);
  if (descriptor < 0) return -1;
  const int one = 1, zero = 0;
  setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  if (at.ai_family == AF_INET6) setsockopt(descriptor, IPPROTO_IPV6, IPV6_V6ONLY, &zero, sizeof zero);
  if (bind(descriptor, at.ai_addr, at.ai_addrlen) == 0 && listen(descriptor, SOMAXCONN) == 0)
    return descriptor;
  const int error = errno;
  close(descriptor);
  errno = error;
  return -1;
}

}  // namespace

std::string address_text(const sockaddr_storage &address) {
  char text[INET6_ADDRSTRLEN] = "?";
  if (address.ss_family == AF_INET6) {
    inet_ntop(AF_INET6, &reinterpret_cast<const sockaddr_in6 &>(address).sin6_addr, text, sizeof text);
    return "[" + std::string(text) + "]:" + std::to_string(port_of(address));
  }
  inet_ntop(AF_INET, &reinterpret_cast<const sockaddr_in &>(address).sin_addr, text, sizeof text);
  return std::string(text) + ":" + std::to_string(port_of(address));
}

int listen_on(const std::string &host, uint16_t *port, std::string *error) {
  addrinfo hints = {}, *found = nullptr;
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_PASSIVE | AI_NUMERICSERV;
  const std::string label =
      "cannot listen on " + (host.empty() ? "*" : host) + ":" + std::to_string(*port) + ": ";
  const int failed =
      getaddrinfo(host.empty() ? nullptr : host.c_str(), std::to_string(*port).c_str(), &hints, &found);
  if (failed != 0) {
    *error = label + gai_strerror(failed);
    return -1;
  }
  int descriptor = -1, reason = 0;
  for (const addrinfo *at = found; at != nullptr && descriptor < 0; at = at->ai_next) {
    descriptor = listen_at(*at);
    if (descriptor < 0) reason = errno;
  }
  freeaddrinfo(found);
  if (descriptor < 0) {
    *error = label + strerror(reason);
    return -1;
  }
  sockaddr_storage address = {};
  socklen_t length = sizeof address;
  getsockname(descriptor, reinterpret_cast<sockaddr *>(&address), &length);
  *port = port_of(address);
  return descriptor;
}

}  // namespace aoti::server
