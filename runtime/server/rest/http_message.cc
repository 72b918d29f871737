#include "runtime/server/rest/http_message.h"

#include "runtime/server/rest/json_text.h"

namespace aoti::server {

const std::string *HttpRequest::header(std::string_view name) const {
  for (const auto &[key, value] : headers) {
    if (key == name) return &value;
  }
  return nullptr;
}

const char *http_reason(int status) {
  switch (status) {
    case 200:
      return "OK";
    case 400:
      return "Bad Request";
    case 404:
      return "Not Found";
    case 405:
      return "Method Not Allowed";
    case 408:
      return "Request Timeout";
    case 413:
      return "Content Too Large";
    case 414:
      return "URI Too Long";
    case 415:
      return "Unsupported Media Type";
    case 417:
      return "Expectation Failed";
    case 429:
      return "Too Many Requests";
    case 431:
      return "Request Header Fields Too Large";
    case 499:
      return "Client Closed Request";
    case 500:
      return "Internal Server Error";
    case 501:
      return "Not Implemented";
    case 503:
      return "Service Unavailable";
    case 504:
      return "Gateway Timeout";
    default:
      return "";
  }
}

HttpResponse http_error(int status, const std::string &message) {
  std::string text = "{\"error\":";
  append_json_string(&text, message);
  text += "}";
  HttpResponse response;
  response.status = status;
  response.body.push_back(Buffer::of(std::move(text)));
  return response;
}

}  // namespace aoti::server
