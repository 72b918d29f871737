// The whole server in one process, for the sanitizers: clients on many threads, some of which vanish,
// metrics, and an end under load.
//   server_test LIBRARY_OF_THE_TOY
#include "runtime/server/server.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "runtime/model/testing/toy_inputs.h"

using namespace aoti::server;

namespace {

constexpr int kClients = 8;
constexpr int kRequests = 100;

std::string library;

// A blocking client of one connection.
class Client {
 public:
  explicit Client(uint16_t port) : descriptor_(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    is_open_ = connect(descriptor_, reinterpret_cast<sockaddr *>(&address), sizeof address) == 0;
  }
  ~Client() { close(descriptor_); }

  bool send_all(const std::string &bytes) {
    size_t at = 0;
    while (is_open_ && at < bytes.size()) {
      const ssize_t count = ::send(descriptor_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      is_open_ = count > 0;
      if (is_open_) at += static_cast<size_t>(count);
    }
    return is_open_;
  }

  // A response whole, header and body; "" when the connection ended.
  std::string response() {
    while (true) {
      const size_t end = received_.find("\r\n\r\n");
      const size_t length = received_.find("Content-Length: ");
      if (end != std::string::npos && length < end) {
        const size_t whole = end + 4 + std::stoul(received_.substr(length + 16));
        if (received_.size() >= whole) {
          const std::string text = received_.substr(0, whole);
          received_.erase(0, whole);
          return text;
        }
      }
      char buffer[16384];
      const ssize_t count = recv(descriptor_, buffer, sizeof buffer, 0);
      if (count <= 0) return "";
      received_.append(buffer, static_cast<size_t>(count));
    }
  }

 private:
  const int descriptor_;
  bool is_open_ = false;
  std::string received_;
};

std::string infer_request(const toy::Inputs &inputs) {
  const size_t bytes = static_cast<size_t>(inputs.rows) * sizeof inputs.x[0];
  const std::string shape = "[" + std::to_string(inputs.rows) + ",16]", size = std::to_string(bytes);
  const std::string json =
      "{\"inputs\":[{\"name\":\"x\",\"datatype\":\"FP32\",\"shape\":" + shape +
      ",\"parameters\":{\"binary_data_size\":" + size +
      "}},{\"name\":\"y\",\"datatype\":\"FP32\",\"shape\":" + shape +
      ",\"parameters\":{\"binary_data_size\":" + size +
      "}},{\"name\":\"index\",\"datatype\":\"INT64\",\"shape\":[1],\"data\":[" +
      std::to_string(inputs.index) +
      "]}],\"outputs\":[{\"name\":\"y\",\"parameters\":{\"binary_data\":true}},{\"name\":\"mul\"}]}";
  std::string body = json;
  body.append(reinterpret_cast<const char *>(inputs.x), bytes);
  body.append(reinterpret_cast<const char *>(inputs.y), bytes);
  return "POST /v2/models/toy/infer HTTP/1.1\r\nInference-Header-Content-Length: " +
         std::to_string(json.size()) + "\r\nContent-Length: " + std::to_string(body.size()) + "\r\n\r\n" +
         body;
}

ServerOptions toy_options() {
  ServerOptions options;
  std::string error;
  CHECK(parse_options({"--model", "toy=" + library, "--rest-port=0", "--grpc-port=off", "--io-threads=2",
                       "--instances=2", "--max-waiting=1000", "--log-level=none"},
                      &options, &error));
  return options;
}

uint16_t port_of(const Server &server) {
  const std::string line = server.addresses();
  return static_cast<uint16_t>(std::stoi(line.substr(line.rfind(':') + 1)));
}

// Requests of 2 to 64 rows, whose output y is the input y; every fifth client vanishes in the middle of one.
void be_client(uint16_t port, int seed, std::atomic<int> *answered) {
  auto client = std::make_unique<Client>(port);
  for (int i = 0; i < kRequests; ++i) {
    const toy::Inputs inputs(2 + 2 * ((seed + i) % 32), seed + i);
    const std::string request = infer_request(inputs);
    if (i % 5 == 4) {
      client->send_all(request.substr(0, request.size() * static_cast<size_t>(i % 3) / 2));
      client = std::make_unique<Client>(port);
      continue;
    }
    if (!client->send_all(request)) return;
    const std::string response = client->response();
    if (response.empty()) return;
    const size_t bytes = static_cast<size_t>(inputs.rows) * sizeof inputs.y[0];
    CHECK_CONTAINS(response.c_str(), "HTTP/1.1 200 OK");
    CHECK(response.size() > bytes && memcmp(response.data() + response.size() - bytes, inputs.y, bytes) == 0);
    *answered += 1;
  }
}

void test_clients() {
  const Log log(Log::kNone);
  Server server(toy_options(), &log);
  std::string error;
  CHECK(server.start(&error));
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  for (int i = 0; i < kClients; ++i) {
    clients.emplace_back(be_client, port_of(server), i * 7, &answered);
  }
  Client other(port_of(server));
  for (int i = 0; i < 20; ++i) {
    CHECK(other.send_all("GET /metrics HTTP/1.1\r\n\r\n"));
    CHECK_CONTAINS(other.response().c_str(), "aoti_connections ");
  }
  for (std::thread &client : clients) client.join();
  CHECK_EQ(answered.load(), kClients * (kRequests - kRequests / 5));
  CHECK(server.stop([] { return false; }));
}

// The calls that were answered of a server that `end`, and then its destructor, ends while all clients call.
int answered_until(void (*end)(Server *server)) {
  const Log log(Log::kNone);
  std::atomic<int> answered{0};
  std::vector<std::thread> clients;
  {
    Server server(toy_options(), &log);
    std::string error;
    CHECK(server.start(&error));
    for (int i = 0; i < kClients; ++i) clients.emplace_back(be_client, port_of(server), i, &answered);
    while (answered < kClients) std::this_thread::yield();
    end(&server);
  }
  for (std::thread &client : clients) client.join();
  return answered;
}

// What has begun is answered, whatever else comes.
void test_end_under_load() {
  const int answered = answered_until([](Server *server) { CHECK(server->stop([] { return false; })); });
  CHECK(answered >= kClients);
}

// Goes away with connections and requests as they are.
void test_abrupt_end() {
  answered_until([](Server *) {});
}

}  // namespace

int main(int argc, char **argv) {
  if (argc != 2) return 2;
  library = argv[1];
  test_clients();
  test_end_under_load();
  test_abrupt_end();
  return aoti_test::result();
}
