// Who may use the instances of a container: runs take one each, changes of the container take all of them.
//
// First come, first served: a waiter is never overtaken, so neither runs nor changes starve. The lock is held
// only to look and to update the counts, never while a model runs.
#ifndef RUNTIME_MODEL_INSTANCE_QUEUE_H_
#define RUNTIME_MODEL_INSTANCE_QUEUE_H_

#include <pthread.h>
#include <stdint.h>

namespace aoti_model {

struct QueueWaiter;

struct InstanceQueue {
  pthread_mutex_t mutex;
  QueueWaiter *first, *last;
  int32_t *free_instances;  // a stack of instance numbers
  int32_t num_free;
  int32_t num_instances;
};

// False when memory runs out.
bool queue_init(InstanceQueue *queue, int32_t num_instances);
void queue_destroy(InstanceQueue *queue);

// Takes an instance, waiting for one if need be; gives its number.
int32_t queue_take_one(InstanceQueue *queue);
void queue_give_one(InstanceQueue *queue, int32_t instance);

// Takes all instances: waits until no run is in progress and keeps later ones waiting.
void queue_take_all(InstanceQueue *queue);
void queue_give_all(InstanceQueue *queue);

}  // namespace aoti_model

#endif  // RUNTIME_MODEL_INSTANCE_QUEUE_H_
