#include "runtime/server/grpc/testing/http2_client.h"

#include <string.h>

#include <algorithm>

namespace aoti::server::grpc {

struct Http2Client::Callbacks {
  static Http2Client &of(void *user_data) { return *static_cast<Http2Client *>(user_data); }

  static int header(nghttp2_session *, const nghttp2_frame *frame, const uint8_t *name, size_t name_size,
                    const uint8_t *value, size_t value_size, uint8_t, void *user_data) {
    of(user_data)
        .answers_[frame->hd.stream_id]
        .fields[std::string(reinterpret_cast<const char *>(name), name_size)] =
        std::string(reinterpret_cast<const char *>(value), value_size);
    return 0;
  }

  static int data(nghttp2_session *, uint8_t, int32_t stream, const uint8_t *data, size_t size,
                  void *user_data) {
    of(user_data).answers_[stream].body.append(reinterpret_cast<const char *>(data), size);
    return 0;
  }

  static int frame(nghttp2_session *, const nghttp2_frame *frame, void *user_data) {
    if (frame->hd.type == NGHTTP2_GOAWAY) of(user_data).saw_goodbye_ = true;
    return 0;
  }

  static int closed(nghttp2_session *, int32_t stream, uint32_t error, void *user_data) {
    of(user_data).answers_[stream].is_closed = true;
    of(user_data).answers_[stream].error = error;
    return 0;
  }

  static nghttp2_ssize body(nghttp2_session *, int32_t stream, uint8_t *buffer, size_t length,
                            uint32_t *flags, nghttp2_data_source *, void *user_data) {
    auto &[left, is_open] = of(user_data).bodies_[stream];
    const size_t count = std::min(length, left.size());
    memcpy(buffer, left.data(), count);
    left.erase(0, count);
    if (left.empty() && !is_open) *flags |= NGHTTP2_DATA_FLAG_EOF;
    return count == 0 && is_open ? static_cast<nghttp2_ssize>(NGHTTP2_ERR_DEFERRED)
                                 : static_cast<nghttp2_ssize>(count);
  }
};

Http2Client::Http2Client(int32_t window) {
  nghttp2_session_callbacks *callbacks = nullptr;
  nghttp2_option *option = nullptr;
  nghttp2_session_callbacks_new(&callbacks);
  nghttp2_option_new(&option);
  nghttp2_option_set_no_auto_window_update(option, 1);
  nghttp2_session_callbacks_set_on_header_callback(callbacks, Callbacks::header);
  nghttp2_session_callbacks_set_on_data_chunk_recv_callback(callbacks, Callbacks::data);
  nghttp2_session_callbacks_set_on_frame_recv_callback(callbacks, Callbacks::frame);
  nghttp2_session_callbacks_set_on_stream_close_callback(callbacks, Callbacks::closed);
  nghttp2_session_client_new2(&session_, callbacks, this, option);
  nghttp2_session_callbacks_del(callbacks);
  nghttp2_option_del(option);
  const nghttp2_settings_entry settings[] = {
      {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, static_cast<uint32_t>(window)}};
  nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, settings, 1);
  nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, 1 << 30);
}

Http2Client::~Http2Client() { nghttp2_session_del(session_); }

int32_t Http2Client::request(const std::string &path, const std::string &body, const Fields &more,
                             bool is_open) {
  Fields fields = {{":method", "POST"},         {":scheme", "http"}, {":path", path},
                   {":authority", "localhost"}, {"te", "trailers"},  {"content-type", "application/grpc"}};
  fields.insert(fields.end(), more.begin(), more.end());
  return request(fields, body, is_open);
}

int32_t Http2Client::request(const Fields &fields, const std::string &body, bool is_open) {
  std::vector<nghttp2_nv> all;
  for (const auto &[name, value] : fields) {
    all.push_back({reinterpret_cast<uint8_t *>(const_cast<char *>(name.data())),
                   reinterpret_cast<uint8_t *>(const_cast<char *>(value.data())), name.size(), value.size(),
                   NGHTTP2_NV_FLAG_NONE});
  }
  nghttp2_data_provider2 provider = {};
  provider.read_callback = Callbacks::body;
  const int32_t stream =
      nghttp2_submit_request2(session_, nullptr, all.data(), all.size(), &provider, nullptr);
  bodies_[stream] = {body, is_open};
  return stream;
}

void Http2Client::reset(int32_t stream) {
  nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, stream, NGHTTP2_CANCEL);
}

void Http2Client::take(int32_t stream, int32_t bytes) {
  nghttp2_submit_window_update(session_, NGHTTP2_FLAG_NONE, stream, bytes);
}

std::string Http2Client::send() {
  std::string bytes;
  const uint8_t *data = nullptr;
  for (nghttp2_ssize size; (size = nghttp2_session_mem_send2(session_, &data)) > 0;) {
    bytes.append(reinterpret_cast<const char *>(data), static_cast<size_t>(size));
  }
  return bytes;
}

void Http2Client::receive(const std::string &bytes) {
  nghttp2_session_mem_recv2(session_, reinterpret_cast<const uint8_t *>(bytes.data()), bytes.size());
}

std::string framed(const std::string &message) {
  std::string bytes(1, '\0');
  for (int shift = 24; shift >= 0; shift -= 8) bytes += static_cast<char>(message.size() >> shift);
  return bytes + message;
}

}  // namespace aoti::server::grpc
