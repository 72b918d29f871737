#include <stdio.h>
#include <limits.h>
int main(int c, char **v) { int x = INT_MAX; x += c; printf("%d\n", x); int a[4] = {1,2,3,4}; return a[c + 3]; }
