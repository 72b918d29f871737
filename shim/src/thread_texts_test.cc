// Texts of threads: each sees its own, places are given back and taken over. Meant for the thread sanitizer
// as well (--config=tsan).
#include "shim/src/thread_texts.h"

#include <pthread.h>
#include <stdio.h>

#include "tools/testing/check.h"

namespace {

constexpr size_t kBytes = 64;
using Texts = aoti_shim::ThreadTexts<kBytes>;

Texts own_texts, crowded_texts;

bool write(Texts *texts, const void *what) {
  char *text = texts->take();
  if (text == nullptr) return false;
  snprintf(text, kBytes, "%p", what);
  return true;
}

void *write_often(void *self) {
  char expected[kBytes];
  for (int i = 0; i < 200; ++i) {
    CHECK_STR_EQ(own_texts.get(), "");
    CHECK(write(&own_texts, self) && write(&own_texts, &expected[i % 64]));
    snprintf(expected, kBytes, "%p", static_cast<void *>(&expected[i % 64]));
    CHECK_STR_EQ(own_texts.get(), expected);
    own_texts.clear();
    own_texts.clear();
  }
  return nullptr;
}

void test_each_thread_has_its_own() {
  pthread_t threads[8];
  for (pthread_t &thread : threads) CHECK_EQ(pthread_create(&thread, nullptr, write_often, &thread), 0);
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  CHECK_STR_EQ(own_texts.get(), "");
}

pthread_barrier_t all_wrote, all_may_end;

void *write_and_wait(void *self) {
  CHECK(write(&crowded_texts, self));
  pthread_barrier_wait(&all_wrote);
  pthread_barrier_wait(&all_may_end);
  return nullptr;  // without clear: the place stays behind
}

void test_full_table() {
  pthread_t threads[Texts::kPlaces];
  pthread_attr_t small;
  pthread_attr_init(&small);
  pthread_attr_setstacksize(&small, 256 * 1024);
  pthread_barrier_init(&all_wrote, nullptr, Texts::kPlaces + 1);
  pthread_barrier_init(&all_may_end, nullptr, Texts::kPlaces + 1);
  for (pthread_t &thread : threads) CHECK_EQ(pthread_create(&thread, &small, write_and_wait, &thread), 0);
  pthread_barrier_wait(&all_wrote);
  CHECK(!write(&crowded_texts, threads));
  CHECK_CONTAINS(crowded_texts.get(), "no message was kept");
  pthread_barrier_wait(&all_may_end);
  for (pthread_t thread : threads) pthread_join(thread, nullptr);
  CHECK(write(&crowded_texts, threads));
  char expected[kBytes];
  snprintf(expected, kBytes, "%p", static_cast<void *>(threads));
  CHECK_STR_EQ(crowded_texts.get(), expected);
  crowded_texts.clear();
  CHECK_STR_EQ(crowded_texts.get(), "");
  pthread_attr_destroy(&small);
}

}  // namespace

int main() {
  test_each_thread_has_its_own();
  test_full_table();
  return aoti_test::result();
}
