/* Runs the files named on the command line through a fuzz target, once each. */
#include <stdint.h>
#include <stdio.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int main(int argc, char **argv)
{
	static uint8_t data[1 << 20];

	for (int i = 1; i < argc; i++) {
		FILE *f = fopen(argv[i], "rb");
		if (f == NULL)
			return perror(argv[i]), 1;
		LLVMFuzzerTestOneInput(data, fread(data, 1, sizeof data, f));
		fclose(f);
	}
	return printf("ok - %d files replayed\n", argc - 1) < 0;
}
