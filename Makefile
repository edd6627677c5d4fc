# claude-code-proxy, by GNU make
#
#   make                 builds ./claude-code-proxy, installs nothing
#   make run             installs what the build lacks, builds and starts it
#   make test            the same, and runs all tests
#   make test-client     Claude Code and the Anthropic SDK through the proxy
#   make torture         every system call fails once; make soak: a million requests, and streams for ten minutes
#   make static          a static binary by musl, in build/static/ (Alpine: MUSL_CC=cc)
#   make static-pie      the same at an address that nobody knows, in build/static-pie/
#   make cross           static binaries for other machines, in build/cross/ARCH/ (on Debian)
#   make cross-test      their tests, under qemu
#   make dist            tarballs of them, in build/dist/
#   make fuzz            each fuzz target for FUZZ_SECONDS (60), by clang's libFuzzer
#   make lint            gcc -fanalyzer, cppcheck and clang-tidy
#   make coverage        lines that the tests reach, by gcov
#   make bench-micro     what checking and converting cost, without sockets
#   make install         to DESTDIR and PREFIX; make uninstall takes it away
#
# CC, CFLAGS and LDFLAGS are yours. BEARSSL=dir builds against a source tree
# (inc/ and build/) or an install tree (include/ and lib/) of BearSSL.

ifeq ($(origin CC),default)
CC = cc
endif
CFLAGS ?= -O2 -g
MUSL_CC ?= musl-gcc
PREFIX ?= /usr/local
O = build
STATIC = build/static
BIN = claude-code-proxy

STD = -std=c99 -D_POSIX_C_SOURCE=200809L
WERROR = -Werror
WARN = -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wmissing-prototypes -Wstrict-prototypes -Wvla \
	-Wimplicit-fallthrough $(WERROR)

# the system's headers have a directory of their own, clear of the C library's, which musl needs
BEARSSL_INC = $(if $(BEARSSL),-isystem $(BEARSSL)/inc -isystem $(BEARSSL)/include -isystem $(BEARSSL)/include/bearssl,-isystem /usr/include/bearssl)
BEARSSL_LIB := $(if $(BEARSSL),$(firstword $(wildcard $(BEARSSL)/build/libbearssl.a $(BEARSSL)/lib/libbearssl.a)),$(shell $(CC) -print-file-name=libbearssl.a 2>/dev/null))
NO_BEARSSL = $(if $(BEARSSL),BEARSSL=$(BEARSSL): no bearssl.h in its inc/ or include/ or no libbearssl.a in its build/ or lib/, \
	BearSSL is missing. Type: apt-get install libbearssl-dev (Alpine: apk add bearssl-dev) or make BEARSSL=dir)
COMPILE = $(CC) $(STD) $(WARN) $(HARDEN) $(CFLAGS) $(EXTRA) $(BEARSSL_INC)

# _FORTIFY_SOURCE takes a compiler that optimises
HARDEN = -fPIE -fstack-protector-strong $(if $(filter -O1 -O2 -O3 -Os -Oz,$(CFLAGS)),-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
HARDEN_LINK = -pie -Wl,-z,relro,-z,now,-z,noexecstack

# By layer: a file includes headers of its own and of lower layers only. What
# is PURE has no allocation, no I/O, no clock and no state of its own.
LAYER0 = log
PURE1 = json json_check json_string plan sse http http_body http_text quirks quirks_rows target via errno_text
LAYER1 = config config_keys config_load config_table config_use dotenv sandbox dns pem tls tls_server der trust logfile
PURE2 = convert carry tokens calibration caches error error_said error_overflow error_repair schema schema_node schema_gemini \
	request request_base64 request_blocks request_content request_echo request_native request_search \
	request_system request_think request_tools request_turns reply reply_native again finish usage reasoning text \
	sink calls sources markup markup_parse stash
LAYER2 = heap learned dial pool upstream upstream_dial
LAYER3 = conn instance client talk relay heal response local route serve journal
LAYER4 = park options check filter status shell listen instances confine upgrade
OBJ = $(patsubst %,$(O)/%.o,$(LAYER0) $(PURE1) $(LAYER1) $(PURE2) $(LAYER2) $(LAYER3) $(LAYER4))
HDR = $(wildcard *.h test/*.h)
FUZZERS = $(filter-out main,$(patsubst test/fuzz_%.c,%,$(wildcard test/fuzz_*.c)))
FUZZ_MAIN = test/fuzz_main.c
UNIT = $(patsubst test/%.c,$(O)/test/%,$(wildcard test/*_test.c)) $(FUZZERS:%=$(O)/test/fuzz_%)

all: $(BIN)

$(BIN): $(O)/proxy.o $(SHIM) $(O)/lib.a
	$(COMPILE) $(HARDEN_LINK) $(LDFLAGS) -o $@ $(O)/proxy.o $(SHIM) $(O)/lib.a $(BEARSSL_LIB)

$(O)/lib.a: $(OBJ)
	@rm -f $@
	@ar rc $@ $(OBJ)

$(O)/%.o: %.c $(HDR) $(O)/bearssl
	$(COMPILE) -c -o $@ $<

$(O)/test/%: test/%.c $(O)/lib.a
	@mkdir -p $(O)/test
	$(COMPILE) -I. $(LDFLAGS) -o $@ $< $(O)/lib.a $(BEARSSL_LIB)

# a fuzz target that replays its corpus, or by make fuzz one that looks for more
$(O)/test/fuzz_%: test/fuzz_%.c test/fuzz_main.c $(O)/lib.a
	@mkdir -p $(O)/test
	$(COMPILE) -I. $(LDFLAGS) -o $@ $< $(FUZZ_MAIN) $(O)/lib.a $(BEARSSL_LIB)

test/provider: $(wildcard test/provider*.c) $(O)/lib.a
	$(COMPILE) $(LDFLAGS) -o $@ $(wildcard test/provider*.c) $(O)/lib.a

test/tool: test/tool.c $(O)/lib.a
	$(COMPILE) $(LDFLAGS) -o $@ test/tool.c $(O)/lib.a

test/flood: test/flood.c $(O)/flags
	$(COMPILE) $(LDFLAGS) -o $@ test/flood.c

test/soaker: test/soaker.c $(wildcard test/soak_*.h) $(O)/flags
	$(COMPILE) $(LDFLAGS) -o $@ test/soaker.c

# another compiler or other flags build everything anew
$(O)/flags: FORCE
	@mkdir -p $(O)
	@echo '$(COMPILE) $(BEARSSL_LIB)' | cmp -s - $@ || echo '$(COMPILE) $(BEARSSL_LIB)' >$@

# what may be missing, said in one line
$(O)/bearssl: $(O)/flags
	@command -v $(firstword $(CC)) >/dev/null || { echo 'No C compiler $(firstword $(CC)). Type: apt-get install gcc libc6-dev' >&2; exit 1; }
	@printf '#include <bearssl.h>\nint main(void) { br_ssl_client_zero(0); return 0; }\n' >$@.c
	@$(COMPILE) -w -c -o $@.o $@.c 2>/dev/null && test -f '$(BEARSSL_LIB)' || { echo '$(strip $(NO_BEARSSL))' >&2; exit 1; }
	@touch $@

unit: $(UNIT)

programs: all unit test/provider test/tool test/flood test/soaker $(O)/test/micro

# musl systems' gcc has no sanitizers
SANITIZE = -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
SANITIZED = $(shell echo 'int main(void) { return 0; }' | $(CC) $(SANITIZE) -x c - -o /dev/null 2>/dev/null && echo yes)

asan:
	@$(if $(SANITIZED),,: )$(MAKE) O=build/asan BIN=build/asan/claude-code-proxy all unit \
		HARDEN=-fPIE EXTRA='$(SANITIZE)'

# the program whose calls fail, each once (test/torture.c); of what the sanitizers look at, where there are any
TORTURED = read write recv send sendto getrandom accept connect socket bind listen getsockname getsockopt setsockopt shutdown \
	poll epoll_create1 epoll_ctl epoll_wait pipe dup2 fstat lstat rename unlink opendir readdir getrlimit setrlimit kill \
	waitpid malloc calloc realloc getaddrinfo fork open fcntl
TORTURE_O = $(if $(SANITIZED),build/asan,$(O))
build/tortured: test/torture.c asan all
	$(COMPILE) $(if $(SANITIZED),$(SANITIZE)) $(LDFLAGS) $(TORTURED:%=-Wl,--wrap=%) -o $@ test/torture.c \
		$(TORTURE_O)/proxy.o $(TORTURE_O)/lib.a $(BEARSSL_LIB)

# hours: every call in every way
torture: programs build/tortured
	SAMPLE= LIMIT=36000 test/run test/torture.t

# a million requests; a thousand streams for ten minutes, then 200 by TLS
soak: programs
	REQUESTS=1000000 LIMIT=36000 test/run test/soak.t
	STREAMS=1000 TLS_STREAMS=200 SECONDS_LONG=600 RELOAD_EVERY=60 sh test/soak-streams.t

bench-micro: $(O)/test/micro
	@$(O)/test/micro

# FUZZ_SECONDS for each target of FUZZERS, JOBS at a time
FUZZ_SECONDS = 60

fuzz:
	@$(MAKE) --no-print-directory $(FUZZERS:%=$(O)/test/fuzz_%)
	@$(MAKE) --no-print-directory O=build/fuzz CC=clang CFLAGS='-O1 -g' EXTRA='$(SANITIZE) -fsanitize=fuzzer-no-link' \
		FUZZ_MAIN=-fsanitize=fuzzer $(FUZZERS:%=build/fuzz/test/fuzz_%)
	@test/fuzz/run $(FUZZ_SECONDS) $(FUZZERS)

# lines that the tests reach, compared with test/uncovered; whether the tests pass is another's to say
coverage:
	@test/setup test
	@test/as-user $(MAKE) --no-print-directory -j2 programs
	@test/as-user test/coverage build
	-@test/as-user test/coverage run $(UNIT:build/%=build/coverage/%) test/*.t
	@test/as-user test/coverage tell

# tools that read the program: gcc -fanalyzer, cppcheck, clang-tidy
lint:
	@test/setup ci
	@test/as-user test/lint

# small: all at once, so that what is used once is inlined; nothing unwinds, so the tables for it are left out
# and tables need no more alignment than their type
SMALL = -Oz -flto -flto-partition=one -fno-jump-tables -fno-expensive-optimizations -fno-tree-dominator-opts -fno-tree-sra \
	-fno-tree-loop-im -fno-move-loop-invariants -fno-optimize-sibling-calls -fno-shrink-wrap $(ALIGN) \
	-ffunction-sections -fdata-sections -fno-asynchronous-unwind-tables
ALIGN = $(shell $(MUSL_CC) -malign-data=abi -E -x c /dev/null >/dev/null 2>&1 && echo -malign-data=abi)
SMALL_LINK = -s -Wl,--gc-sections,--build-id=none,-z,noseparate-code,-z,noexecstack,-z,norelro,-z,common-page-size=64
# at a fixed address no table is changed at the start, so that they lie with the code, where nobody writes
SMALL_PLACE = -fno-pie -static -no-pie
SMALL_TABLES = .relro (READONLY) : { *(.data.rel.ro .data.rel.ro.*) }

static: $(O)/bearssl
	@mkdir -p $(STATIC)
	@echo 'SECTIONS { /DISCARD/ : { *(.eh_frame) } $(SMALL_TABLES) } INSERT AFTER .rodata;' >$(STATIC)/layout.ld
	$(MUSL_CC) $(STD) $(WARN) $(CFLAGS) $(SMALL) $(BEARSSL_INC) $(LDFLAGS) $(SMALL_LINK) $(SMALL_PLACE) -Wl,-T,$(STATIC)/layout.ld \
		-o $(STATIC)/claude-code-proxy proxy.c $(OBJ:$(O)/%.o=%.c) fortify.c musl.c $(BEARSSL_LIB)
	@! readelf -l $(STATIC)/claude-code-proxy | grep INTERP
	@wc -c $(STATIC)/claude-code-proxy

# 11 KB more. musl-gcc, which is the system's gcc with specs, would take -static-pie and make a dynamic one
MUSL_DIR = $(shell $(MUSL_CC) -v 2>&1 | sed -n 's/^Reading specs from \(.*\)musl-gcc\.specs$$/\1/p')
static-pie:
	$(MAKE) static STATIC=build/static-pie SMALL_TABLES= SMALL_PLACE='-fPIE $(if $(MUSL_DIR), \
		-nostartfiles -static -Wl$(COMMA)-pie$(COMMA)--no-dynamic-linker $(addprefix $(MUSL_DIR),rcrt1.o crti.o crtn.o),-static-pie)'
	@readelf -h build/static-pie/claude-code-proxy | grep 'Type:.*DYN'
COMMA = ,

cross cross-test dist:
	@test/setup cross
	@test/as-user test/cross $(patsubst cross,build,$(@:cross-%=%))

run:
	@test/setup build
	@test/as-user $(MAKE) --no-print-directory -j2 all test/provider
	@exec test/as-user test/serve

test:
	@test/setup test
	@test/as-user $(MAKE) --no-print-directory -j2 programs build/tortured
	@test/as-user test/run $(UNIT) $(if $(SANITIZED),$(UNIT:build/%=build/asan/%)) test/*.t

# valgrind over the shell tests, and over a binary with a leak on purpose
memcheck: programs
	$(COMPILE) $(LDFLAGS) -o $(O)/leaky test/leak.c $(O)/proxy.o $(O)/lib.a $(BEARSSL_LIB)
	test/memcheck

test-client:
	@test/setup client
	@test/as-user $(MAKE) --no-print-directory -j2 all test/provider test/tool
	@test/as-user test/client/run

clean:
	rm -rf build claude-code-proxy test/provider test/tool test/flood test/soaker

DOC = $(DESTDIR)$(PREFIX)/share/doc/claude-code-proxy

install: all
	mkdir -p $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/man/man1
	install -m 755 $(BIN) $(DESTDIR)$(PREFIX)/bin/claude-code-proxy
	install -m 644 claude-code-proxy.1 $(DESTDIR)$(PREFIX)/share/man/man1/claude-code-proxy.1
	rm -rf $(DOC)
	mkdir -p $(DOC)
	cp -R README.md SECURITY.md LICENSE .env.example start-all-proxies.sh setup-log-cleanup-cron.sh docs contrib $(DOC)
	chmod -R u=rwX,go=rX $(DOC)

uninstall:
	rm -f $(DESTDIR)$(PREFIX)/bin/claude-code-proxy $(DESTDIR)$(PREFIX)/share/man/man1/claude-code-proxy.1
	rm -rf $(DOC)

# for test/structure.t
layers:
	@echo $(LAYER0:%=0:%) $(PURE1:%=1:%:pure) $(LAYER1:%=1:%) $(PURE2:%=2:%:pure) $(LAYER2:%=2:%) $(LAYER3:%=3:%) \
		$(LAYER4:%=4:%) 4:proxy

FORCE:
.PHONY: all unit programs asan static static-pie cross cross-test dist run test memcheck coverage lint test-client fuzz torture soak bench-micro clean install uninstall layers FORCE
