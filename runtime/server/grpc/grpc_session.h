// gRPC on one connection: requests of HTTP/2 -> calls of methods -> answers with a status behind them.
//
//   HEADERS, DATA..., END_STREAM   ->  headers checked, message gathered  ->  Methods::call
//   HEADERS, DATA..., HEADERS      <-  200, the message, grpc-status 0    <-  Answer
//   HEADERS                        <-  200, grpc-status N, grpc-message   <-  Answer with an error
//
// Unary calls only, all that the protocol has. Requests may be cancelled (RST_STREAM, or the connection's
// end), which ends their waiting. A client that is slow with a request, or with reading its answer, loses
// that request; one that is slow with headers, or idle for long, its connection. What a connection's
// unfinished requests keep together is bounded too. A draining session says GOAWAY, so that clients send what
// comes later elsewhere.
#ifndef RUNTIME_SERVER_GRPC_GRPC_SESSION_H_
#define RUNTIME_SERVER_GRPC_GRPC_SESSION_H_

#include <map>
#include <memory>
#include <string>

#include "runtime/server/grpc/http2.h"
#include "runtime/server/grpc/methods.h"
#include "runtime/server/log.h"

namespace aoti::server::grpc {

class GrpcSession : public Session, private Http2Handler {
 public:
  // Methods and log outlive it.
  GrpcSession(const Methods *methods, const SessionLimits &limits, const Log *log,
              std::shared_ptr<Mailbox> mailbox, std::string peer, int64_t now_ns);
  ~GrpcSession() override;

  void receive(const uint8_t *data, size_t size, int64_t now_ns) override;
  void end_of_input(int64_t now_ns) override;
  bool wants_input() const override;
  void produce(Output *output, int64_t now_ns) override;
  bool wants_close() const override;
  int64_t time_limit_ns() const override;
  void time_out(int64_t now_ns) override;
  void drain(int64_t now_ns) override;

 private:
  struct Call;
  enum class State { kHeaders, kBody, kRunning, kAnswering };

  void request_begins(int32_t stream) override;
  void header(int32_t stream, std::string_view name, std::string_view value) override;
  void headers_end(int32_t stream) override;
  void body(int32_t stream, const uint8_t *data, size_t size) override;
  void request_ends(int32_t stream) override;
  void answer_goes_on(int32_t stream) override;
  void stream_closes(int32_t stream) override;

  Call *find(int32_t stream);
  void answer(int32_t stream, Answer answer);
  void refuse(int32_t stream, Status status);
  void drop_body(Call *call);
  void log_call(const Call &call, const std::string &status) const;
  void fail(const std::string &why);
  int64_t limit_of(const Call &call) const;
  bool has_work() const;

  const Methods *const methods_;
  const SessionLimits limits_;
  const Log *const log_;
  const std::shared_ptr<Mailbox> mailbox_;
  const std::string peer_;
  Http2 http2_;
  std::map<int32_t, std::unique_ptr<Call>> calls_;  // by stream
  size_t body_bytes_ = 0;                           // of requests that have not ended
  int64_t now_ns_, since_ns_;  // since_ns_: of the beginning, then of the last thing that came
  int64_t written_ns_ = 0;     // when some of an answer was last handed over
  bool has_input_ = false, input_ended_ = false, is_leaving_ = false, is_broken_ = false, is_foreign_ = false;
};

SessionFactory grpc_factory(const Methods *methods, const SessionLimits &limits, const Log *log);

}  // namespace aoti::server::grpc

#endif  // RUNTIME_SERVER_GRPC_GRPC_SESSION_H_
