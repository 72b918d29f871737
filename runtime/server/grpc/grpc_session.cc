#include "runtime/server/grpc/grpc_session.h"

#include <stdio.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <thread>
#include <utility>

#include "runtime/server/grpc/call_headers.h"
#include "runtime/server/grpc/message_reader.h"

namespace aoti::server::grpc {
namespace {

// Unfinished requests of one connection, in units of the largest one.
constexpr size_t kBodiesAtATime = 4;

const std::pair<std::string, std::string> kOk = {":status", "200"},
                                          kType = {"content-type", "application/grpc"};

HeaderFields status_fields(const Status &status) {
  HeaderFields fields = {{"grpc-status", std::to_string(static_cast<int>(status.code))}};
  if (!status.message.empty()) fields.emplace_back("grpc-message", percent_encode(status.message));
  if (status.code == StatusCode::kUnimplemented) fields.emplace_back("grpc-accept-encoding", "identity");
  return fields;
}

size_t size_of(const std::vector<Buffer> &pieces) {
  size_t size = 0;
  for (const Buffer &piece : pieces) size += piece.size;
  return size;
}

// Somebody who speaks HTTP/1.1 (REST) on this port reads why it does not work.
std::string foreign_answer() {
  const std::string text = "this port speaks gRPC (HTTP/2 without TLS); REST has one of its own\n";
  return "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: " +
         std::to_string(text.size()) + "\r\n\r\n" + text;
}

struct Reply {
  int32_t stream = 0;
  Answer answer;
};

// A letter for which there is no memory now is posted again: without it the client would wait for ever.
// `letter` holds one pointer, so that its copies need no memory.
void post(Mailbox *mailbox, const std::function<void(Session *)> &letter) {
  while (true) {
    try {
      return mailbox->post(letter);
    } catch (const std::bad_alloc &) {
      std::this_thread::sleep_for(std::chrono::milliseconds(10));
    }
  }
}

}  // namespace

struct GrpcSession::Call {
  Call(const SessionLimits &limits, int64_t now_ns)
      : headers(limits),
        reader(limits.max_body_bytes),
        share(std::make_shared<BudgetShare>(limits.bodies)),
        begun_ns(now_ns),
        since_ns(now_ns) {}

  State state = State::kHeaders;
  CallHeaders headers;
  MessageReader reader;
  std::shared_ptr<BudgetShare> share;  // of what all bodies may take; goes on with the message
  int64_t begun_ns, since_ns;          // since_ns: of its last progress
  size_t bytes_in = 0, bytes_out = 0;
  std::shared_ptr<Cancellation> cancellation;
};

GrpcSession::GrpcSession(const Methods *methods, const SessionLimits &limits, const Log *log,
                         std::shared_ptr<Mailbox> mailbox, std::string peer, int64_t now_ns)
    : methods_(methods),
      limits_(limits),
      log_(log),
      mailbox_(std::move(mailbox)),
      peer_(std::move(peer)),
      http2_(this, limits_),
      now_ns_(now_ns),
      since_ns_(now_ns) {}

GrpcSession::~GrpcSession() {
  for (const auto &[stream, call] : calls_) {
    if (call->cancellation) call->cancellation->cancel();
  }
}

GrpcSession::Call *GrpcSession::find(int32_t stream) {
  const auto found = calls_.find(stream);
  return found == calls_.end() ? nullptr : found->second.get();
}

// -- what the loop says

void GrpcSession::receive(const uint8_t *data, size_t size, int64_t now_ns) {
  now_ns_ = now_ns;
  if (is_broken_) return;
  has_input_ = true;
  const std::string error = http2_.receive(data, size);
  if (http2_.has_begun()) since_ns_ = now_ns;
  if (error.empty()) return;
  is_foreign_ = http2_.is_foreign();
  fail(error);
}

void GrpcSession::end_of_input(int64_t now_ns) {
  now_ns_ = now_ns;
  input_ended_ = true;
  // Whoever has closed may still read; but it is not waited for in a queue.
  for (const auto &[stream, call] : calls_) {
    if (call->cancellation) call->cancellation->cancel();
  }
}

bool GrpcSession::wants_input() const { return !is_broken_ && !input_ended_ && !http2_.is_flooded(); }

void GrpcSession::produce(Output *output, int64_t now_ns) {
  now_ns_ = now_ns;
  if (!has_input_) return;  // until it is clear who is there
  if (std::exchange(is_foreign_, false)) return output->append(foreign_answer());
  if (is_broken_) return;
  const std::string error = http2_.produce(output);
  if (!error.empty()) fail(error);
}

// Requests that the service has, or whose answer is not written.
bool GrpcSession::has_work() const {
  for (const auto &[stream, call] : calls_) {
    if (call->state == State::kRunning || call->state == State::kAnswering) return true;
  }
  return false;
}

bool GrpcSession::wants_close() const {
  if (is_foreign_) return false;
  return is_broken_ || http2_.is_done() || (input_ended_ && !has_work());
}

int64_t GrpcSession::limit_of(const Call &call) const {
  switch (call.state) {
    case State::kHeaders:
      return call.since_ns + limits_.header_time_ns;
    case State::kBody:
      return call.since_ns + limits_.body_pause_ns;
    case State::kRunning:
      return INT64_MAX;
    case State::kAnswering:  // others of the connection may be written before
      return std::max(call.since_ns, written_ns_) + limits_.body_pause_ns;
  }
  return INT64_MAX;
}

int64_t GrpcSession::time_limit_ns() const {
  if (is_broken_) return 0;
  if (!http2_.has_begun()) return since_ns_ + limits_.header_time_ns;
  if (calls_.empty()) return since_ns_ + limits_.idle_time_ns;
  int64_t limit = INT64_MAX;
  for (const auto &[stream, call] : calls_) limit = std::min(limit, limit_of(*call));
  return limit == INT64_MAX ? 0 : limit;
}

void GrpcSession::time_out(int64_t now_ns) {
  now_ns_ = now_ns;
  if (is_broken_) return;
  if (!http2_.has_begun()) return fail("the client was slow with its first bytes");
  if (calls_.empty()) {
    if (is_leaving_) return fail("the client stayed after GOAWAY");
    since_ns_ = now_ns;
    return drain(now_ns);
  }
  std::vector<int32_t> late;
  for (const auto &[stream, call] : calls_) {
    if (limit_of(*call) <= now_ns) late.push_back(stream);
  }
  for (const int32_t stream : late) {
    Call *call = find(stream);
    if (call->state == State::kHeaders) return fail("the client was slow with a request's headers");
    if (call->state == State::kBody) {
      refuse(stream, {StatusCode::kDeadlineExceeded, "the request was too slow to arrive"});
    } else {
      log_call(*call, "not read by the client");
      call->since_ns = now_ns;
      http2_.reset(stream);
    }
  }
}

void GrpcSession::drain(int64_t now_ns) {
  now_ns_ = now_ns;
  if (is_broken_ || is_leaving_) return;
  is_leaving_ = true;
  http2_.go_away();
}

void GrpcSession::fail(const std::string &why) {
  is_broken_ = true;
  log_->write(Log::kInfo, "connection ended", {{"protocol", "grpc"}, {"peer", peer_}, {"why", why}});
}

// -- what HTTP/2 says

void GrpcSession::request_begins(int32_t stream) {
  calls_[stream] = std::make_unique<Call>(limits_, now_ns_);
}

void GrpcSession::header(int32_t stream, std::string_view name, std::string_view value) {
  Call *call = find(stream);
  if (call && call->state == State::kHeaders) call->headers.add(name, value);
}

void GrpcSession::headers_end(int32_t stream) {
  Call *call = find(stream);
  if (!call) return;
  call->state = State::kBody;
  call->since_ns = now_ns_;
  if (const int status = call->headers.http_error(); status != 0) {
    call->state = State::kAnswering;
    log_call(*call, "HTTP " + std::to_string(status));
    return http2_.answer(stream, {{":status", std::to_string(status)}});
  }
  Status status = methods_->check(call->headers.path());
  if (status.ok()) status = call->headers.check();
  if (!status.ok()) refuse(stream, std::move(status));
}

void GrpcSession::body(int32_t stream, const uint8_t *data, size_t size) {
  Call *call = find(stream);
  if (!call || call->state != State::kBody) return;
  call->since_ns = now_ns_;
  call->bytes_in += size;
  if (!call->share->take(size)) {
    return refuse(stream, {StatusCode::kUnavailable,
                           "the server has as many bytes of requests as it may keep; try again later"});
  }
  const size_t before = call->reader.size();
  if (Status status = call->reader.append(data, size); !status.ok()) return refuse(stream, std::move(status));
  body_bytes_ += call->reader.size() - before;
  if (body_bytes_ / kBodiesAtATime > limits_.max_body_bytes) {
    refuse(stream, {StatusCode::kResourceExhausted,
                    "the connection's unfinished requests have more than " +
                        std::to_string(kBodiesAtATime * limits_.max_body_bytes) +
                        " bytes together; send fewer at a time, or use more connections"});
  }
}

void GrpcSession::request_ends(int32_t stream) {
  Call *call = find(stream);
  if (!call || call->state != State::kBody) return;
  const size_t size = call->reader.size();
  Buffer message;
  if (Status status = call->reader.finish(&message); !status.ok()) return refuse(stream, std::move(status));
  // The bytes count until nobody needs them: a tensor of the request may be one of the answer.
  using Kept = std::pair<std::shared_ptr<const void>, std::shared_ptr<BudgetShare>>;
  message.owner = std::make_shared<Kept>(std::move(message.owner), call->share);
  call->share = nullptr;
  body_bytes_ -= size;
  call->state = State::kRunning;
  CallContext context;
  context.now_ns = now_ns_;
  context.timeout_ns = call->headers.timeout_ns();
  context.cancellation = call->cancellation = std::make_shared<Cancellation>();
  // Made here, where memory may be short, so that the thread that ends the call needs none.
  const auto reply = std::make_shared<Reply>();
  reply->stream = stream;
  methods_->call(call->headers.path(), message, context, [mailbox = mailbox_, reply](Answer result) {
    reply->answer = std::move(result);
    post(mailbox.get(), [reply](Session *session) {
      auto *self = static_cast<GrpcSession *>(session);
      self->now_ns_ = monotonic_ns();
      self->answer(reply->stream, std::move(reply->answer));
    });
  });
}

void GrpcSession::answer_goes_on(int32_t stream) {
  written_ns_ = now_ns_;
  if (Call *call = find(stream)) call->since_ns = now_ns_;
}

void GrpcSession::stream_closes(int32_t stream) {
  const auto found = calls_.find(stream);
  if (found == calls_.end()) return;
  Call *call = found->second.get();
  drop_body(call);
  if (call->cancellation) call->cancellation->cancel();
  calls_.erase(found);
  since_ns_ = now_ns_;
}

void GrpcSession::drop_body(Call *call) {
  if (call->state == State::kBody) body_bytes_ -= call->reader.size();
  call->reader.drop();
  call->share = nullptr;
}

// -- answers

void GrpcSession::answer(int32_t stream, Answer answer) {
  Call *call = find(stream);
  if (!call || is_broken_) return;  // it was reset meanwhile
  drop_body(call);
  call->state = State::kAnswering;
  call->since_ns = now_ns_;
  call->bytes_out = size_of(answer.message);
  if (answer.status.ok() && call->bytes_out > UINT32_MAX) {
    answer.status = {StatusCode::kOutOfRange, "the response has " + std::to_string(call->bytes_out) +
                                                  " bytes; gRPC carries 4 GiB in one message, REST more"};
  }
  log_call(*call, status_name(answer.status.code));
  HeaderFields fields = {kOk, kType}, end = status_fields(answer.status);
  if (!answer.status.ok()) {
    fields.insert(fields.end(), end.begin(), end.end());
    return http2_.answer(stream, fields);
  }
  answer.message.insert(answer.message.begin(),
                        Buffer::of(message_prefix(static_cast<uint32_t>(call->bytes_out))));
  http2_.answer(stream, fields, std::move(answer.message), std::move(end));
}

void GrpcSession::refuse(int32_t stream, Status status) { answer(stream, {std::move(status), {}}); }

void GrpcSession::log_call(const Call &call, const std::string &status) const {
  const Log::Level level = status == status_name(StatusCode::kInternal) ? Log::kWarning : Log::kDebug;
  if (!log_->wants(level)) return;
  char time_ms[32];
  snprintf(time_ms, sizeof time_ms, "%.3f", static_cast<double>(now_ns_ - call.begun_ns) / 1e6);
  log_->write(level, "request",
              {{"protocol", "grpc"},
               {"peer", peer_},
               {"method", call.headers.path()},
               {"status", status},
               {"bytes_in", std::to_string(call.bytes_in)},
               {"bytes_out", std::to_string(call.bytes_out)},
               {"time_ms", time_ms}});
}

SessionFactory grpc_factory(const Methods *methods, const SessionLimits &limits, const Log *log) {
  return [methods, limits, log](std::shared_ptr<Mailbox> mailbox, const std::string &peer, int64_t now_ns) {
    return std::make_unique<GrpcSession>(methods, limits, log, std::move(mailbox), peer, now_ns);
  };
}

}  // namespace aoti::server::grpc
