// Prints the lines of a text file that are closest in meaning to a query. See kUsage in command_line.cc.
//
//   semantic_search --query "how to bake bread" notes.txt
//    0.5624  line 12  Mix flour, water, yeast and salt, let the dough rise, then put it into a hot oven.
//
// The model (all-MiniLM-L6-v2, compiled ahead of time) and its vocabulary are inside the program or the
// library beside it: there is no Python and nothing to unpack.

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "models/semantic_search/command_line.h"
#include "models/semantic_search/progress.h"
#include "models/semantic_search/ranking.h"
#include "models/semantic_search/sentence_encoder.h"
#include "models/semantic_search/text_lines.h"

namespace {

using namespace semantic_search;

int Fail(const std::string &message) {
  std::fprintf(stderr, "error: %s\n", message.c_str());
  return 1;
}

// Where the person stood: `bazel run` starts programs in a folder of its own and names theirs in the
// environment.
std::string ResolvePath(const std::string &path) {
  const char *folder = std::getenv("BUILD_WORKING_DIRECTORY");
  const bool relative = !path.empty() && path[0] != '/';
  return folder != nullptr && relative ? std::string(folder) + "/" + path : path;
}

// The text without control characters, which could rewrite a terminal.
std::string Printable(std::string_view text) {
  std::string out(text);
  for (char &c : out) {
    if ((static_cast<unsigned char>(c) < 0x20 && c != '\t') || c == 0x7F) c = '?';
  }
  return out;
}

// Scores every line against the query; the number of the first line that was cut goes to `first_cut` (0:
// none).
bool ScoreLines(const SentenceEncoder &encoder, const std::string &query, const std::vector<TextLine> &lines,
                std::vector<float> *scores, size_t *cut, size_t *first_cut, std::string *error) {
  Embedding wanted, embedding;
  if (!encoder.Embed(query, &wanted, error)) return false;
  if (wanted.truncated) {
    std::fprintf(stderr, "note: the query has more than %zu tokens; only its beginning counts\n",
                 SentenceEncoder::MaxTokens());
  }
  Progress progress(lines.size());
  for (const TextLine &line : lines) {
    progress.Update(scores->size());
    if (!encoder.Embed(line.text, &embedding, error)) {
      *error = "line " + std::to_string(line.number) + ": " + *error;
      return false;
    }
    if (embedding.truncated && (*cut)++ == 0) *first_cut = line.number;
    scores->push_back(Cosine(wanted.values, embedding.values));
  }
  progress.Finish();
  return true;
}

void PrintBest(const std::vector<TextLine> &lines, const std::vector<float> &scores, size_t top) {
  const int width = static_cast<int>(std::to_string(lines.back().number).size());
  for (const size_t i : BestIndices(scores, top)) {
    std::printf("%7.4f  line %*zu  %s\n", static_cast<double>(scores[i]), width, lines[i].number,
                Printable(lines[i].text).c_str());
  }
}

}  // namespace

int main(int argc, char **argv) {
  Options options;
  std::string error;
  if (!ParseCommandLine(argc, argv, &options, &error)) {
    std::fprintf(stderr, "error: %s\n\n%s", error.c_str(), kUsage);
    return 2;
  }
  if (options.help) {
    std::fputs(kUsage, stdout);
    return 0;
  }
  TextLines text;
  if (!text.Read(ResolvePath(options.file), &error)) return Fail(error);
  const std::unique_ptr<SentenceEncoder> encoder = SentenceEncoder::Load(options.threads, &error);
  if (encoder == nullptr) return Fail(error);
  std::vector<float> scores;
  size_t cut = 0, first_cut = 0;
  if (!ScoreLines(*encoder, options.query, text.lines(), &scores, &cut, &first_cut, &error))
    return Fail(error);
  if (cut > 0) {
    std::fprintf(stderr,
                 "note: %zu of %zu lines have more than %zu tokens (the first is line %zu); only their "
                 "beginning counts\n",
                 cut, text.lines().size(), SentenceEncoder::MaxTokens(), first_cut);
  }
  PrintBest(text.lines(), scores, options.top);
  if (std::fflush(stdout) != 0 || std::ferror(stdout))
    return Fail("cannot write the result to standard output");
  return 0;
}
