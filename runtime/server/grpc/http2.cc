#include "runtime/server/grpc/http2.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <exception>
#include <new>

namespace aoti::server::grpc {
namespace {

// What a client may send before it hears from us: of one request, and of all on a connection.
constexpr int32_t kStreamWindow = 4 << 20, kConnectionWindow = 16 << 20;
// nghttp2 keeps a buffer of the largest frame, even where nothing is copied into it.
constexpr size_t kLargestFrame = 64 << 10;
// Shorter pieces are copied into one.
constexpr size_t kShort = 4 << 10;
constexpr size_t kMostQueued = 256;

std::vector<nghttp2_nv> name_values(const HeaderFields &fields) {
  std::vector<nghttp2_nv> all;
  for (const auto &[name, value] : fields) {
    // nghttp2 copies them.
    all.push_back({reinterpret_cast<uint8_t *>(const_cast<char *>(name.data())),
                   reinterpret_cast<uint8_t *>(const_cast<char *>(value.data())), name.size(), value.size(),
                   NGHTTP2_NV_FLAG_NONE});
  }
  return all;
}

void check(int result) {
  if (result == NGHTTP2_ERR_NOMEM) throw std::bad_alloc();
  // Others: the stream is gone, or the connection ends; its callbacks say so.
}

std::string_view view(nghttp2_rcbuf *text) {
  const nghttp2_vec bytes = nghttp2_rcbuf_get_buf(text);
  return {reinterpret_cast<const char *>(bytes.base), bytes.len};
}

std::string why(nghttp2_ssize error) {
  if (error == NGHTTP2_ERR_NOMEM || error == NGHTTP2_ERR_CALLBACK_FAILURE) return "memory is short";
  return nghttp2_strerror(static_cast<int>(error));
}

}  // namespace

// No exception passes through nghttp2, which is C.
struct Http2Callbacks {
  template <class Call>
  static int guarded(void *user_data, Call call) {
    try {
      call(static_cast<Http2 *>(user_data));
      return 0;
    } catch (const std::exception &) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
  }

  static bool is_request(const nghttp2_frame *frame) {
    return frame->hd.type == NGHTTP2_HEADERS && frame->headers.cat == NGHTTP2_HCAT_REQUEST;
  }

  static int begin_headers(nghttp2_session *, const nghttp2_frame *frame, void *user_data) {
    if (!is_request(frame)) return 0;
    return guarded(user_data, [&](Http2 *self) { self->handler_->request_begins(frame->hd.stream_id); });
  }

  // Trailers are counted with the headers, and otherwise passed over.
  static int header(nghttp2_session *, const nghttp2_frame *frame, nghttp2_rcbuf *name, nghttp2_rcbuf *value,
                    uint8_t, void *user_data) {
    return guarded(user_data, [&](Http2 *self) {
      self->handler_->header(frame->hd.stream_id, view(name), view(value));
    });
  }

  static int frame_received(nghttp2_session *, const nghttp2_frame *frame, void *user_data) {
    return guarded(user_data, [&](Http2 *self) {
      if (frame->hd.type == NGHTTP2_SETTINGS) self->has_begun_ = true;
      if (is_request(frame)) self->handler_->headers_end(frame->hd.stream_id);
      const bool has_end = frame->hd.type == NGHTTP2_HEADERS || frame->hd.type == NGHTTP2_DATA;
      if (has_end && (frame->hd.flags & NGHTTP2_FLAG_END_STREAM))
        self->handler_->request_ends(frame->hd.stream_id);
    });
  }

  static int data(nghttp2_session *, uint8_t, int32_t stream, const uint8_t *data, size_t size,
                  void *user_data) {
    return guarded(user_data, [&](Http2 *self) { self->handler_->body(stream, data, size); });
  }

  static int stream_closed(nghttp2_session *, int32_t stream, uint32_t, void *user_data) {
    return guarded(user_data, [&](Http2 *self) {
      self->answers_.erase(stream);
      self->handler_->stream_closes(stream);
    });
  }

  // An answer that ends before its request: the client need not send the rest.
  static int frame_sent(nghttp2_session *session, const nghttp2_frame *frame, void *user_data) {
    return guarded(user_data, [&](Http2 *self) {
      if (frame->hd.type != NGHTTP2_HEADERS) return;
      self->handler_->answer_goes_on(frame->hd.stream_id);
      const bool is_end = frame->hd.flags & NGHTTP2_FLAG_END_STREAM;
      if (is_end && nghttp2_session_get_stream_remote_close(session, frame->hd.stream_id) == 0) {
        check(nghttp2_submit_rst_stream(session, NGHTTP2_FLAG_NONE, frame->hd.stream_id, NGHTTP2_NO_ERROR));
      }
    });
  }

  static nghttp2_ssize frame_length(nghttp2_session *, uint8_t, int32_t, int32_t, int32_t,
                                    uint32_t peers_largest, void *) {
    return static_cast<nghttp2_ssize>(std::min<size_t>(peers_largest, kLargestFrame));
  }

  // How much of an answer's body goes into the next frame; send_data moves it.
  static nghttp2_ssize read_body(nghttp2_session *session, int32_t stream, uint8_t *, size_t length,
                                 uint32_t *flags, nghttp2_data_source *, void *user_data) {
    nghttp2_ssize count = 0;
    const int result = guarded(user_data, [&](Http2 *self) {
      const Http2::Answer &answer = self->answers_.at(stream);
      count = static_cast<nghttp2_ssize>(std::min(length, answer.body.size()));
      *flags |= NGHTTP2_DATA_FLAG_NO_COPY;
      if (static_cast<size_t>(count) < answer.body.size()) return;
      *flags |= NGHTTP2_DATA_FLAG_EOF | NGHTTP2_DATA_FLAG_NO_END_STREAM;
      const std::vector<nghttp2_nv> trailers = name_values(answer.trailers);
      check(nghttp2_submit_trailer(session, stream, trailers.data(), trailers.size()));
    });
    return result == 0 ? count : result;
  }

  static int send_body(nghttp2_session *, nghttp2_frame *frame, const uint8_t *head, size_t length,
                       nghttp2_data_source *, void *user_data) {
    constexpr size_t kFrameHead = 9;
    bool is_enough = false;
    const int result = guarded(user_data, [&](Http2 *self) {
      Http2::Answer &answer = self->answers_.at(frame->hd.stream_id);
      self->small_.append(reinterpret_cast<const char *>(head), kFrameHead);
      while (length > 0) {
        Buffer piece = answer.body.front();
        piece.size = std::min(length, piece.size);
        answer.body.consume(piece.size);
        length -= piece.size;
        if (piece.size <= kShort) {
          self->small_.append(reinterpret_cast<const char *>(piece.data), piece.size);
        } else {
          self->flush_small();
          self->output_->append(std::move(piece));
        }
      }
      self->handler_->answer_goes_on(frame->hd.stream_id);
      is_enough = self->output_->size() + self->small_.size() >= kOutputLow;
    });
    if (result != 0) return result;
    return is_enough ? NGHTTP2_ERR_PAUSE : 0;
  }

  static nghttp2_session *make(Http2 *self, const SessionLimits &limits) {
    nghttp2_session_callbacks *callbacks = nullptr;
    nghttp2_session *session = nullptr;
    check(nghttp2_session_callbacks_new(&callbacks));
    nghttp2_session_callbacks_set_on_begin_headers_callback(callbacks, begin_headers);
    nghttp2_session_callbacks_set_on_header_callback2(callbacks, header);
    nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, frame_received);
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, data);
    nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, stream_closed);
    nghttp2_session_callbacks_set_on_frame_send_callback(callbacks, frame_sent);
    nghttp2_session_callbacks_set_data_source_read_length_callback2(callbacks, frame_length);
    nghttp2_session_callbacks_set_send_data_callback(callbacks, send_body);
    const int made = nghttp2_session_server_new(&session, callbacks, self);
    nghttp2_session_callbacks_del(callbacks);
    check(made);
    const nghttp2_settings_entry settings[] = {
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, static_cast<uint32_t>(limits.max_streams)},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kStreamWindow},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE,
         static_cast<uint32_t>(std::min<size_t>(limits.max_header_bytes, UINT32_MAX))},
        {NGHTTP2_SETTINGS_ENABLE_CONNECT_PROTOCOL, 0},
    };
    if (nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings, std::size(settings)) != 0 ||
        nghttp2_session_set_local_window_size(session, NGHTTP2_FLAG_NONE, 0, kConnectionWindow) != 0) {
      nghttp2_session_del(session);
      throw std::bad_alloc();  // the values are within what HTTP/2 allows
    }
    return session;
  }
};

Http2::Http2(Http2Handler *handler, const SessionLimits &limits) : handler_(handler) {
  session_ = Http2Callbacks::make(this, limits);
}

Http2::~Http2() { nghttp2_session_del(session_); }

std::string Http2::receive(const uint8_t *data, size_t size) {
  const nghttp2_ssize used = nghttp2_session_mem_recv2(session_, data, size);
  is_foreign_ = used == NGHTTP2_ERR_BAD_CLIENT_MAGIC;
  return used < 0 ? why(used) : "";
}

void Http2::flush_small() {
  if (!small_.empty()) output_->append(std::exchange(small_, {}));
}

std::string Http2::produce(Output *output) {
  output_ = output;
  nghttp2_ssize size = 0;
  while (output->size() + small_.size() < kOutputLow) {
    const uint8_t *data = nullptr;
    size = nghttp2_session_mem_send2(session_, &data);
    if (size <= 0) break;
    small_.append(reinterpret_cast<const char *>(data), static_cast<size_t>(size));
  }
  flush_small();
  output_ = nullptr;
  return size < 0 ? why(size) : "";
}

void Http2::answer(int32_t stream, const HeaderFields &fields) {
  const std::vector<nghttp2_nv> all = name_values(fields);
  check(nghttp2_submit_response2(session_, stream, all.data(), all.size(), nullptr));
}

void Http2::answer(int32_t stream, const HeaderFields &fields, std::vector<Buffer> body,
                   HeaderFields trailers) {
  Answer answer;
  for (Buffer &piece : body) answer.body.append(std::move(piece));
  answer.trailers = std::move(trailers);
  answers_[stream] = std::move(answer);
  const std::vector<nghttp2_nv> all = name_values(fields);
  nghttp2_data_provider2 provider = {};
  provider.read_callback = Http2Callbacks::read_body;
  check(nghttp2_submit_response2(session_, stream, all.data(), all.size(), &provider));
}

void Http2::reset(int32_t stream) {
  check(nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL));
}

void Http2::go_away() {
  const int32_t last = nghttp2_session_get_last_proc_stream_id(session_);
  check(nghttp2_submit_goaway(session_, NGHTTP2_FLAG_NONE, last, NGHTTP2_NO_ERROR, nullptr, 0));
}

bool Http2::is_done() const {
  return !nghttp2_session_want_read(session_) && !nghttp2_session_want_write(session_);
}

bool Http2::is_flooded() const { return nghttp2_session_get_outbound_queue_size(session_) > kMostQueued; }

}  // namespace aoti::server::grpc
