// Addresses of sockets: listening on one, writing one down.
#ifndef RUNTIME_SERVER_SOCKET_ADDRESS_H_
#define RUNTIME_SERVER_SOCKET_ADDRESS_H_

#include <stdint.h>
#include <sys/socket.h>

#include <string>

namespace aoti::server {

// "127.0.0.1:8000", "[::1]:8000".
std::string address_text(const sockaddr_storage &address);

// A socket that listens on `host` (a name or an address; "" is all of them) and *port, without blocking; for
// port 0 one that is free, which *port then is. -1 with a message on failure.
int listen_on(const std::string &host, uint16_t *port, std::string *error);

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_SOCKET_ADDRESS_H_
