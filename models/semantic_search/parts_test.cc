// The parts of semantic_search that need no model: command line, text file, ranking.

#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "models/semantic_search/command_line.h"
#include "models/semantic_search/ranking.h"
#include "models/semantic_search/text_lines.h"
#include "tools/testing/check.h"

namespace {

using semantic_search::Options;
using semantic_search::TextLines;

// The error for a command line, empty if it is accepted.
std::string ParseError(std::vector<const char *> arguments, Options *options) {
  arguments.insert(arguments.begin(), "semantic_search");
  std::string error;
  const bool ok = semantic_search::ParseCommandLine(static_cast<int>(arguments.size()), arguments.data(),
                                                    options, &error);
  CHECK_EQ(ok, error.empty());
  return error;
}

void TestCommandLine() {
  Options options;
  CHECK_STR_EQ(ParseError({"--query", "a b", "--top=3", "--threads", "2", "f.txt"}, &options).c_str(), "");
  CHECK_STR_EQ(options.query.c_str(), "a b");
  CHECK_STR_EQ(options.file.c_str(), "f.txt");
  CHECK_EQ(options.top, size_t{3});
  CHECK_EQ(options.threads, 2);
  Options reordered;
  CHECK_STR_EQ(ParseError({"--query=--x=y", "--", "--odd.txt"}, &reordered).c_str(), "");
  CHECK_STR_EQ(reordered.query.c_str(), "--x=y");
  CHECK_STR_EQ(reordered.file.c_str(), "--odd.txt");
  CHECK_EQ(reordered.top, size_t{10});
  Options help;
  CHECK_STR_EQ(ParseError({"--help"}, &help).c_str(), "");
  CHECK(help.help);
  const struct {
    std::vector<const char *> arguments;
    const char *expected;
  } refused[] = {
      {{"f"}, "--query is missing or blank"},
      {{"--query=  ", "f"}, "--query is missing or blank"},
      {{"--query=\xFF", "f"}, "--query is not UTF-8"},
      {{"--query=a"}, "FILE is missing"},
      {{"--query=a", "b", "f"}, "expected one FILE, got b and f"},
      {{"--query=a", "--query=b", "f"}, "--query is given twice"},
      {{"f", "--query"}, "--query needs a value"},
      {{"--query=a", "--top=0", "f"}, "--top=0: expected a whole number from 1"},
      {{"--query=a", "--top=1x", "f"}, "--top=1x: expected"},
      {{"--query=a", "--top=", "f"}, "--top=: expected"},
      {{"--query=a", "--threads=-1", "f"}, "--threads=-1: expected a whole number from 0 to 1024"},
      {{"--qurey=a", "f"}, "unknown flag --qurey"},
  };
  for (const auto &test : refused) {
    Options ignored;
    CHECK_CONTAINS(ParseError(test.arguments, &ignored).c_str(), test.expected);
  }
}

// Writes `content` to a file of this test's own and reads it back as lines.
std::string ReadError(const std::string &content, TextLines *lines) {
  const char *folder = std::getenv("TEST_TMPDIR");
  const std::string path =
      std::string(folder != nullptr ? folder : "/tmp") + "/semantic_search_parts_test.txt";
  std::FILE *file = std::fopen(path.c_str(), "wb");
  if (!CHECK(file != nullptr)) return "cannot write";
  std::fwrite(content.data(), 1, content.size(), file);
  std::fclose(file);
  std::string error;
  const bool ok = lines->Read(path, &error);
  CHECK_EQ(ok, error.empty());
  std::remove(path.c_str());
  return error;
}

void TestTextLines() {
  TextLines lines;
  CHECK_STR_EQ(ReadError("\xEF\xBB\xBF"
                         "first\r\n\n  \t\nsecond\nlast",
                         &lines)
                   .c_str(),
               "");
  if (CHECK(lines.lines().size() == 3)) {
    CHECK(lines.lines()[0].text == "first" && lines.lines()[0].number == 1);
    CHECK(lines.lines()[1].text == "second" && lines.lines()[1].number == 4);
    CHECK(lines.lines()[2].text == "last" && lines.lines()[2].number == 5);
  }
  CHECK_CONTAINS(ReadError("", &lines).c_str(), "is empty");
  CHECK_CONTAINS(ReadError("\n \n", &lines).c_str(), "all lines are blank");
  CHECK_CONTAINS(ReadError("fine\ncaf\xE9\n", &lines).c_str(), "line 2, byte 4: not UTF-8");
  std::string error;
  CHECK(!lines.Read("/there/is/no/such/file", &error));
  CHECK_CONTAINS(error.c_str(), "/there/is/no/such/file: cannot open: No such file or directory");
  error.clear();
  CHECK(!lines.Read("/", &error));
  CHECK_CONTAINS(error.c_str(), "directory");
}

void TestRanking() {
  const std::vector<size_t> best = semantic_search::BestIndices({0.1f, 0.9f, 0.5f, 0.9f}, 3);
  CHECK(best == (std::vector<size_t>{1, 3, 2}));
  CHECK(semantic_search::BestIndices({0.1f}, 5) == std::vector<size_t>{0});
  CHECK(semantic_search::BestIndices({}, 5).empty());
  CHECK_NEAR(semantic_search::Cosine({0.6f, 0.8f}, {0.8f, 0.6f}), 0.96, 1e-6);
}

}  // namespace

int main() {
  TestCommandLine();
  TestTextLines();
  TestRanking();
  return aoti_test::result();
}
