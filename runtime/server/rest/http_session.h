// HTTP/1.1 on one connection: bytes -> requests -> a handler -> responses -> bytes. Read by llhttp, strictly.
//
// One request at a time: those that a client sends ahead wait, as bytes, up to kReadAhead. A request that is
// too large, too slow or malformed is answered with an error in JSON, and the connection closed, because what
// follows cannot be told from it. `Expect: 100-continue` is answered; offers to switch to another protocol
// (h2c) are not taken.
#ifndef RUNTIME_SERVER_REST_HTTP_SESSION_H_
#define RUNTIME_SERVER_REST_HTTP_SESSION_H_

#include <llhttp.h>

#include <memory>
#include <string>
#include <vector>

#include "runtime/server/log.h"
#include "runtime/server/rest/http_message.h"
#include "runtime/server/session.h"

namespace aoti::server {

class HttpSession : public Session {
 public:
  // The handler and the log outlive it.
  HttpSession(HttpHandler *handler, const SessionLimits &limits, const Log *log,
              std::shared_ptr<Mailbox> mailbox, const std::string &peer, int64_t now_ns);
  ~HttpSession() override;

  void receive(const uint8_t *data, size_t size, int64_t now_ns) override;
  void end_of_input(int64_t now_ns) override;
  bool wants_input() const override;
  void produce(Output *output, int64_t now_ns) override;
  bool wants_close() const override { return state_ == State::kClosed; }
  int64_t time_limit_ns() const override;
  void time_out(int64_t now_ns) override;
  void drain(int64_t now_ns) override;

 private:
  enum class State {
    kIdle,     // between requests
    kHeaders,  // a request has begun
    kBody,
    kAnswering,  // the handler has it
    kClosed      // nothing more is read; what is ready is written, then the connection closed
  };
  struct Parser;  // llhttp's callbacks

  void feed(const uint8_t *data, size_t size, int64_t now);
  size_t parse(const uint8_t *data, size_t size, int64_t now);
  void go_on(int64_t now);
  bool begin_body();
  void dispatch(int64_t now);
  void answer(HttpResponse response, bool keep_alive, int64_t now);
  void refuse(int status, const std::string &message, int64_t now);
  bool count_header(size_t bytes);

  HttpHandler *const handler_;
  const SessionLimits limits_;
  const Log *const log_;
  const std::shared_ptr<Mailbox> mailbox_;
  const std::string peer_;

  llhttp_t parser_;
  State state_ = State::kIdle;
  std::shared_ptr<HttpRequest> request_;  // that is being read or answered
  std::string name_, value_;              // of the header that is being read
  size_t header_bytes_ = 0;
  int refused_status_ = 0;  // set by a callback that stops the parser
  std::string refused_message_;
  int64_t since_ns_;  // the last progress that a time limit counts from
  int64_t begun_ns_ = 0;
  std::string ahead_;  // bytes that came while a request was being answered
  std::vector<Buffer> ready_;
  size_t ready_bytes_ = 0;  // in ready_; beyond kOutputLow nothing more is read
  std::shared_ptr<Cancellation> cancellation_;
  bool keep_alive_ = false, is_draining_ = false, input_ended_ = false;
};

// Sessions over one handler.
SessionFactory http_factory(HttpHandler *handler, const SessionLimits &limits, const Log *log);

}  // namespace aoti::server

#endif  // RUNTIME_SERVER_REST_HTTP_SESSION_H_
