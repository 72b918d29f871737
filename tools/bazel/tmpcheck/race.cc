#include <pthread.h>
#include <stdio.h>
int x;
static void *f(void *) { for (int i = 0; i < 100000; ++i) x++; return nullptr; }
int main() { pthread_t a, b; pthread_create(&a, 0, f, 0); pthread_create(&b, 0, f, 0); pthread_join(a, 0); pthread_join(b, 0); printf("%d\n", x); }
