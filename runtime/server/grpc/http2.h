// HTTP/2 on one connection, as a server: nghttp2 behind C++ types. It knows requests and answers, not gRPC.
//
// What enters: the peer's bytes; what a handler answers. What leaves: calls of the handler, as a request
// arrives; bytes for the peer. The handler may answer from inside its functions. Where it throws
// (std::bad_alloc), or the peer breaks the protocol, the connection ends.
//
// nghttp2 itself keeps the peer to what was announced (streams at a time, windows, frame sizes, order of
// frames, valid header fields), and ends connections that flood it with pings, settings, resets or empty
// frames.
#ifndef RUNTIME_SERVER_GRPC_HTTP2_H_
#define RUNTIME_SERVER_GRPC_HTTP2_H_

#include <stddef.h>
#include <stdint.h>

#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

#include "runtime/server/session.h"

struct nghttp2_session;

namespace aoti::server::grpc {

using HeaderFields = std::vector<std::pair<std::string, std::string>>;

class Http2Handler {
 public:
  virtual ~Http2Handler() = default;
  virtual void request_begins(int32_t stream) = 0;
  virtual void header(int32_t stream, std::string_view name, std::string_view value) = 0;
  virtual void headers_end(int32_t stream) = 0;
  virtual void body(int32_t stream, const uint8_t *data, size_t size) = 0;
  virtual void request_ends(int32_t stream) = 0;
  // Some of the answer has been handed to produce's output.
  virtual void answer_goes_on(int32_t stream) = 0;
  // Answered and closed, or reset by either side; nothing is called for it any more.
  virtual void stream_closes(int32_t stream) = 0;
};

class Http2 {
 public:
  // The handler outlives it.
  Http2(Http2Handler *handler, const SessionLimits &limits);
  ~Http2();
  Http2(const Http2 &) = delete;
  Http2 &operator=(const Http2 &) = delete;

  // "", or why the connection is to be closed: nothing is called any more then.
  std::string receive(const uint8_t *data, size_t size);
  // Appends until about kOutputLow bytes wait in `output`; "", or as receive.
  std::string produce(Output *output);

  // An answer of header fields alone.
  void answer(int32_t stream, const HeaderFields &fields);
  // An answer with a body and header fields behind it.
  void answer(int32_t stream, const HeaderFields &fields, std::vector<Buffer> body, HeaderFields trailers);
  // Ends a stream without (the rest of) an answer.
  void reset(int32_t stream);
  // No new requests; those that have begun are answered. Clients may send others again elsewhere.
  void go_away();

  // Every request is answered, and either side has said goodbye.
  bool is_done() const;
  bool has_begun() const { return has_begun_; }    // the client's preface and settings have come
  bool is_foreign() const { return is_foreign_; }  // the client's first bytes are not HTTP/2's
  bool is_flooded() const;                         // answers to control frames pile up: not to be read from

 private:
  friend struct Http2Callbacks;
  struct Answer {
    Output body;
    HeaderFields trailers;
  };

  void flush_small();

  Http2Handler *const handler_;
  nghttp2_session *session_ = nullptr;
  std::unordered_map<int32_t, Answer> answers_;  // with a body
  Output *output_ = nullptr;                     // while produce runs
  std::string small_;                            // bytes before the next piece that is not copied
  bool has_begun_ = false, is_foreign_ = false;
};

}  // namespace aoti::server::grpc

#endif  // RUNTIME_SERVER_GRPC_HTTP2_H_
