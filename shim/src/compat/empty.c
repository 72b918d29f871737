// An empty library: a name that stock model libraries list as needed but take nothing from.
typedef int aoti_empty_library;
