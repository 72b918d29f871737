// A client of HTTP/2 without sockets, for tests: requests -> bytes, bytes -> answers.
#ifndef RUNTIME_SERVER_GRPC_TESTING_HTTP2_CLIENT_H_
#define RUNTIME_SERVER_GRPC_TESTING_HTTP2_CLIENT_H_

#include <nghttp2/nghttp2.h>

#include <map>
#include <string>
#include <utility>
#include <vector>

namespace aoti::server::grpc {

class Http2Client {
 public:
  using Fields = std::vector<std::pair<std::string, std::string>>;

  struct Answer {
    std::map<std::string, std::string> fields;  // headers and trailers
    std::string body;
    bool is_closed = false;
    uint32_t error = 0;  // of RST_STREAM
  };

  // `window`: what the server may send of one answer before it is read (take).
  explicit Http2Client(int32_t window = 65535);
  ~Http2Client();

  // A gRPC request with `body`, framed already; the body ends it unless `is_open`.
  int32_t request(const std::string &path, const std::string &body, const Fields &more = {},
                  bool is_open = false);
  int32_t request(const Fields &fields, const std::string &body, bool is_open = false);
  void reset(int32_t stream);
  void take(int32_t stream, int32_t bytes);  // makes room in the window

  std::string send();  // all bytes for the server
  void receive(const std::string &bytes);

  Answer &answer(int32_t stream) { return answers_[stream]; }
  bool saw_goodbye() const { return saw_goodbye_; }

 private:
  struct Callbacks;

  nghttp2_session *session_ = nullptr;
  std::map<int32_t, Answer> answers_;
  std::map<int32_t, std::pair<std::string, bool>> bodies_;  // what is left to send, whether more may come
  bool saw_goodbye_ = false;
};

// With gRPC's five bytes before it.
std::string framed(const std::string &message);

}  // namespace aoti::server::grpc

#endif  // RUNTIME_SERVER_GRPC_TESTING_HTTP2_CLIENT_H_
