#include "runtime/model/instance_queue.h"

#include <stdlib.h>

namespace aoti_model {

// Lives on the stack of the thread that waits.
struct QueueWaiter {
  QueueWaiter *next;
  int32_t wanted;
  int32_t instance;  // the number given, when one was wanted
  bool granted;
  pthread_cond_t ready;
};

namespace {

// Takes `wanted` instances (1 or all) off the free ones; gives the number of the last.
int32_t take(InstanceQueue *queue, int32_t wanted) {
  queue->num_free -= wanted;
  return queue->free_instances[queue->num_free];
}

// Serves waiters from the front for as long as there is enough for them.
void serve(InstanceQueue *queue) {
  while (queue->first != nullptr && queue->first->wanted <= queue->num_free) {
    QueueWaiter *waiter = queue->first;
    queue->first = waiter->next;
    if (queue->first == nullptr) queue->last = nullptr;
    waiter->instance = take(queue, waiter->wanted);
    waiter->granted = true;
    pthread_cond_signal(&waiter->ready);
  }
}

int32_t wait_for(InstanceQueue *queue, int32_t wanted) {
  pthread_mutex_lock(&queue->mutex);
  if (queue->first == nullptr && queue->num_free >= wanted) {
    const int32_t instance = take(queue, wanted);
    pthread_mutex_unlock(&queue->mutex);
    return instance;
  }
  QueueWaiter waiter{nullptr, wanted, 0, false, {}};
  pthread_cond_init(&waiter.ready, nullptr);
  (queue->last != nullptr ? queue->last->next : queue->first) = &waiter;
  queue->last = &waiter;
  while (!waiter.granted) pthread_cond_wait(&waiter.ready, &queue->mutex);
  pthread_mutex_unlock(&queue->mutex);
  pthread_cond_destroy(&waiter.ready);
  return waiter.instance;
}

}  // namespace

bool queue_init(InstanceQueue *queue, int32_t num_instances) {
  queue->free_instances =
      static_cast<int32_t *>(malloc(sizeof(int32_t) * static_cast<size_t>(num_instances)));
  if (queue->free_instances == nullptr) return false;
  // The stack's top is instance 0: a container that is used by one thread always runs in the same, warm
  // arena.
  for (int32_t i = 0; i < num_instances; ++i) queue->free_instances[i] = num_instances - 1 - i;
  queue->num_free = queue->num_instances = num_instances;
  queue->first = queue->last = nullptr;
  pthread_mutex_init(&queue->mutex, nullptr);
  return true;
}

void queue_destroy(InstanceQueue *queue) {
  if (queue->free_instances == nullptr) return;
  pthread_mutex_destroy(&queue->mutex);
  free(queue->free_instances);
}

int32_t queue_take_one(InstanceQueue *queue) { return wait_for(queue, 1); }

void queue_give_one(InstanceQueue *queue, int32_t instance) {
  pthread_mutex_lock(&queue->mutex);
  queue->free_instances[queue->num_free++] = instance;
  serve(queue);
  pthread_mutex_unlock(&queue->mutex);
}

void queue_take_all(InstanceQueue *queue) { wait_for(queue, queue->num_instances); }

void queue_give_all(InstanceQueue *queue) {
  pthread_mutex_lock(&queue->mutex);
  for (int32_t i = 0; i < queue->num_instances; ++i) queue->free_instances[i] = queue->num_instances - 1 - i;
  queue->num_free = queue->num_instances;
  serve(queue);
  pthread_mutex_unlock(&queue->mutex);
}

}  // namespace aoti_model
