#include "runtime/server/rest/http_session.h"

#include <stdio.h>
#include <strings.h>
#include <time.h>

#include <algorithm>
#include <charconv>
#include <utility>

namespace aoti::server {
namespace {

constexpr size_t kReadAhead = 64 << 10;
// A body's memory grows with what came, not with what was announced.
constexpr size_t kReserve = 1 << 20;

std::string lower(std::string text) {
  for (char &c : text) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return text;
}

std::string date_header() {
  const time_t now = time(nullptr);
  tm parts;
  gmtime_r(&now, &parts);
  char text[64];
  strftime(text, sizeof text, "Date: %a, %d %b %Y %H:%M:%S GMT\r\n", &parts);
  return text;
}

std::string header_text(const HttpResponse &response, size_t body_bytes, bool keep_alive) {
  std::string text =
      "HTTP/1.1 " + std::to_string(response.status) + " " + http_reason(response.status) + "\r\n";
  text += date_header() + "Content-Type: " + response.content_type + "\r\n";
  text += "Content-Length: " + std::to_string(body_bytes) + "\r\n";
  text += keep_alive ? "Connection: keep-alive\r\n" : "Connection: close\r\n";
  for (const auto &[name, value] : response.headers) text += name + ": " + value + "\r\n";
  return text + "\r\n";
}

}  // namespace

struct HttpSession::Parser {
  static HttpSession &of(llhttp_t *parser) { return *static_cast<HttpSession *>(parser->data); }

  static int stop(llhttp_t *parser, int status, std::string message) {
    of(parser).refused_status_ = status;
    of(parser).refused_message_ = std::move(message);
    llhttp_set_error_reason(parser, "refused");
    return HPE_USER;
  }

  static int stop_headers(llhttp_t *parser) {
    return stop(parser, 431,
                "the headers are too large; at most " + std::to_string(of(parser).limits_.max_header_bytes) +
                    " bytes and " + std::to_string(of(parser).limits_.max_headers) + " headers are taken");
  }

  static int on_message_begin(llhttp_t *parser) {
    HttpSession &session = of(parser);
    session.request_ = std::make_shared<HttpRequest>();
    session.request_->share = std::make_shared<BudgetShare>(session.limits_.bodies);
    session.header_bytes_ = 0;
    return 0;
  }

  static int on_url(llhttp_t *parser, const char *data, size_t size) {
    HttpSession &session = of(parser);
    session.request_->target.append(data, size);
    return session.count_header(size) ? 0 : stop(parser, 414, "the URL is too long");
  }

  static int on_header_field(llhttp_t *parser, const char *data, size_t size) {
    HttpSession &session = of(parser);
    session.name_.append(data, size);
    return session.count_header(size) ? 0 : stop_headers(parser);
  }

  static int on_header_value(llhttp_t *parser, const char *data, size_t size) {
    HttpSession &session = of(parser);
    session.value_.append(data, size);
    return session.count_header(size) ? 0 : stop_headers(parser);
  }

  static int on_header_value_complete(llhttp_t *parser) {
    HttpSession &session = of(parser);
    std::string name = lower(std::exchange(session.name_, {})), value = std::exchange(session.value_, {});
    if (session.state_ == State::kBody) return 0;  // a trailer: nothing here needs one
    while (!value.empty() && (value.back() == ' ' || value.back() == '\t')) value.pop_back();
    session.request_->headers.emplace_back(std::move(name), std::move(value));
    return session.request_->headers.size() <= session.limits_.max_headers ? 0 : stop_headers(parser);
  }

  static int on_headers_complete(llhttp_t *parser) {
    HttpSession &session = of(parser);
    parser->upgrade = 0;  // an offer, which is not taken
    session.request_->method = llhttp_method_name(static_cast<llhttp_method_t>(parser->method));
    return session.begin_body() ? 0 : HPE_USER;
  }

  static int on_body(llhttp_t *parser, const char *data, size_t size) {
    HttpSession &session = of(parser);
    if (size > session.limits_.max_body_bytes - session.request_->body.size()) {
      return stop(parser, 413,
                  "the body is larger than " + std::to_string(session.limits_.max_body_bytes) + " bytes");
    }
    if (!session.request_->share->take(size)) {
      return stop(parser, 503, "the server has as many bytes of requests as it may keep; try again later");
    }
    session.request_->body.append(data, size);
    return 0;
  }

  static int on_message_complete(llhttp_t *parser) {
    of(parser).keep_alive_ = llhttp_should_keep_alive(parser) != 0;
    return HPE_PAUSED;
  }

  // Chunk extensions are read and forgotten, but cost header bytes.
  static int on_extension(llhttp_t *parser, const char *, size_t size) {
    return of(parser).count_header(size) ? 0 : stop_headers(parser);
  }

  static const llhttp_settings_t *settings() {
    static const llhttp_settings_t made = [] {
      llhttp_settings_t all;
      llhttp_settings_init(&all);
      all.on_message_begin = on_message_begin;
      all.on_url = on_url;
      all.on_header_field = on_header_field;
      all.on_header_value = on_header_value;
      all.on_header_value_complete = on_header_value_complete;
      all.on_headers_complete = on_headers_complete;
      all.on_body = on_body;
      all.on_message_complete = on_message_complete;
      all.on_chunk_extension_name = on_extension;
      all.on_chunk_extension_value = on_extension;
      return all;
    }();
    return &made;
  }
};

HttpSession::HttpSession(HttpHandler *handler, const SessionLimits &limits, const Log *log,
                         std::shared_ptr<Mailbox> mailbox, const std::string &peer, int64_t now_ns)
    : handler_(handler),
      limits_(limits),
      log_(log),
      mailbox_(std::move(mailbox)),
      peer_(peer),
      since_ns_(now_ns) {
  llhttp_init(&parser_, HTTP_REQUEST, Parser::settings());
  parser_.data = this;
}

HttpSession::~HttpSession() {
  if (cancellation_ != nullptr) cancellation_->cancel();
}

bool HttpSession::count_header(size_t bytes) {
  header_bytes_ += bytes;
  return header_bytes_ <= limits_.max_header_bytes;
}

bool HttpSession::wants_input() const {
  return state_ != State::kClosed && ahead_.size() < kReadAhead && ready_bytes_ < kOutputLow;
}

void HttpSession::receive(const uint8_t *data, size_t size, int64_t now_ns) {
  if (!ahead_.empty()) {
    ahead_.append(reinterpret_cast<const char *>(data), size);
    return;
  }
  feed(data, size, now_ns);
}

// Reads requests and answers those that can be answered at once; what is left waits.
void HttpSession::feed(const uint8_t *data, size_t size, int64_t now) {
  while (size > 0 && state_ != State::kAnswering && ready_bytes_ < kOutputLow) {
    if (state_ == State::kClosed) return;
    const size_t used = parse(data, size, now);
    data += used;
    size -= used;
  }
  ahead_.append(reinterpret_cast<const char *>(data), size);
}

// Up to the end of a request; the number of bytes that were read.
size_t HttpSession::parse(const uint8_t *data, size_t size, int64_t now) {
  if (state_ == State::kIdle) {
    state_ = State::kHeaders;
    since_ns_ = begun_ns_ = now;
  }
  const char *begin = reinterpret_cast<const char *>(data);
  const llhttp_errno_t error = llhttp_execute(&parser_, begin, size);
  if (state_ == State::kBody) since_ns_ = now;
  if (error == HPE_OK) return size;
  if (error == HPE_PAUSED) {  // the request is whole
    const size_t used = static_cast<size_t>(llhttp_get_error_pos(&parser_) - begin);
    llhttp_resume(&parser_);
    dispatch(now);
    return used;
  }
  if (refused_status_ != 0) {
    refuse(refused_status_, refused_message_, now);
  } else if (error == HPE_PAUSED_H2_UPGRADE) {
    refuse(400, "this port speaks HTTP/1.1; gRPC is on another", now);
  } else {
    refuse(400, std::string("the request is no HTTP/1.1: ") + llhttp_get_error_reason(&parser_), now);
  }
  return size;
}

// The headers are there. False when the request is refused.
bool HttpSession::begin_body() {
  state_ = State::kBody;
  const auto refuse_with = [this](int status, const std::string &message) {
    refused_status_ = status;
    refused_message_ = message;
    return false;
  };
  const std::string *encoding = request_->header("content-encoding");
  if (encoding != nullptr && strcasecmp(encoding->c_str(), "identity") != 0) {
    return refuse_with(415, "Content-Encoding '" + *encoding + "' is not supported; send the body as it is");
  }
  uint64_t length = 0;
  if (const std::string *text = request_->header("content-length")) {
    std::from_chars(text->data(), text->data() + text->size(), length);  // llhttp has checked it
    if (length > limits_.max_body_bytes) {
      return refuse_with(413, "the body has " + *text + " bytes; at most " +
                                  std::to_string(limits_.max_body_bytes) + " are taken");
    }
  }
  request_->body.reserve(static_cast<size_t>(std::min<uint64_t>(length, kReserve)));
  const std::string *expect = request_->header("expect");
  if (expect == nullptr) return true;
  if (strcasecmp(expect->c_str(), "100-continue") != 0)
    return refuse_with(417, "Expect '" + *expect + "' is unknown");
  ready_.push_back(Buffer::of("HTTP/1.1 100 Continue\r\n\r\n"));
  return true;
}

void HttpSession::dispatch(int64_t now) {
  state_ = State::kAnswering;
  cancellation_ = std::make_shared<Cancellation>();
  HttpExchange exchange;
  exchange.now_ns = now;
  exchange.cancellation = cancellation_;
  exchange.respond = [mailbox = mailbox_](HttpResponse response) {
    const auto kept = std::make_shared<HttpResponse>(std::move(response));
    mailbox->post([kept](Session *session) {
      HttpSession *self = static_cast<HttpSession *>(session);
      const int64_t then = monotonic_ns();
      self->answer(std::move(*kept), self->keep_alive_, then);
      self->go_on(then);
    });
  };
  std::optional<HttpResponse> response = handler_->handle(request_, exchange);
  if (response.has_value()) answer(std::move(*response), keep_alive_, now);
}

// With what came while a request was being answered.
void HttpSession::go_on(int64_t now) {
  if (state_ != State::kAnswering && !ahead_.empty()) {
    const std::string bytes = std::exchange(ahead_, {});
    feed(reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size(), now);
  }
  const bool is_over = input_ended_ && ahead_.empty() && state_ != State::kAnswering;
  if (is_over || (is_draining_ && state_ == State::kIdle)) state_ = State::kClosed;
}

void HttpSession::answer(HttpResponse response, bool keep_alive, int64_t now) {
  size_t body_bytes = 0;
  for (const Buffer &part : response.body) body_bytes += part.size;
  keep_alive = keep_alive && !is_draining_;
  const bool is_head = request_ != nullptr && request_->method == "HEAD";
  ready_.push_back(Buffer::of(header_text(response, body_bytes, keep_alive)));
  if (!is_head) std::move(response.body.begin(), response.body.end(), std::back_inserter(ready_));
  ready_bytes_ += ready_.back().size + (is_head ? 0 : body_bytes);
  const Log::Level level = response.status >= 500 ? Log::kWarning : Log::kDebug;
  if (log_->wants(level) && request_ != nullptr) {
    char time_ms[32];
    snprintf(time_ms, sizeof time_ms, "%.3f", static_cast<double>(now - begun_ns_) / 1e6);
    log_->write(level, "request",
                {{"protocol", "rest"},
                 {"peer", peer_},
                 {"method", request_->method},
                 {"target", request_->target},
                 {"status", std::to_string(response.status)},
                 {"bytes_in", std::to_string(request_->body.size())},
                 {"bytes_out", std::to_string(body_bytes)},
                 {"time_ms", time_ms}});
  }
  state_ = keep_alive ? State::kIdle : State::kClosed;
  request_ = nullptr;
  cancellation_ = nullptr;
  since_ns_ = now;
}

void HttpSession::refuse(int status, const std::string &message, int64_t now) {
  answer(http_error(status, message), false, now);
}

void HttpSession::end_of_input(int64_t now) {
  input_ended_ = true;
  // Whoever has closed may still read; but it is not waited for in a queue.
  if (cancellation_ != nullptr) cancellation_->cancel();
  go_on(now);
}

void HttpSession::produce(Output *output, int64_t now) {
  for (Buffer &part : std::exchange(ready_, {})) output->append(std::move(part));
  ready_bytes_ = 0;
  go_on(now);
}

int64_t HttpSession::time_limit_ns() const {
  switch (state_) {
    case State::kIdle:
      return since_ns_ + limits_.idle_time_ns;
    case State::kHeaders:
      return since_ns_ + limits_.header_time_ns;
    case State::kBody:
      return since_ns_ + limits_.body_pause_ns;
    default:
      return 0;
  }
}

void HttpSession::time_out(int64_t now_ns) {
  if (state_ == State::kIdle) {
    state_ = State::kClosed;
  } else if (state_ == State::kHeaders || state_ == State::kBody) {
    refuse(408, "the request did not arrive in time", now_ns);
  }
}

void HttpSession::drain(int64_t) {
  is_draining_ = true;
  if (state_ == State::kIdle) state_ = State::kClosed;
}

SessionFactory http_factory(HttpHandler *handler, const SessionLimits &limits, const Log *log) {
  return [handler, limits, log](std::shared_ptr<Mailbox> mailbox, const std::string &peer, int64_t now_ns) {
    return std::make_unique<HttpSession>(handler, limits, log, std::move(mailbox), peer, now_ns);
  };
}

}  // namespace aoti::server
