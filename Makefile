# SPDX-License-Identifier: GPL-2.0-or-later
# caddis: build, check, install. `make help` lists the targets.

VERSION := 0.1.0
BUILD   ?= build
PREFIX  ?= /usr/local
DESTDIR ?=
CC      ?= cc
WERROR  ?= 0

WARN := -Wall -Wextra -Wshadow -Wformat=2 -Wstrict-prototypes -Wmissing-prototypes \
        -Wold-style-definition -Wpointer-arith -Wwrite-strings -Wundef -Wvla -Walloca \
        -Wcast-qual -Wnull-dereference -Wimplicit-fallthrough -Wredundant-decls \
        -Wnested-externs -Wdate-time -Winit-self -Wno-missing-field-initializers
ifneq ($(findstring clang,$(shell $(CC) --version 2>/dev/null | head -n 1)),clang)
WARN += -Wduplicated-cond -Wduplicated-branches -Wlogical-op -Wformat-overflow=2 \
        -Wformat-truncation=1 -Wstringop-overflow=4 -Wjump-misses-init -Wtrampolines \
        -ftrivial-auto-var-init=zero
endif
ifeq ($(WERROR),1)
WARN += -Werror
endif

OPTIMIZE ?= -O2 -g
ifneq ($(SANITIZE),)
HARDEN  := -fsanitize=$(SANITIZE) -fno-sanitize-recover=all -fno-omit-frame-pointer -fno-common -fno-strict-aliasing -DCADDIS_DEBUG
LDHARD  := -fsanitize=$(SANITIZE)
else
HARDEN  := -D_FORTIFY_SOURCE=2 -fno-plt -fstack-protector-strong -fstack-clash-protection -fPIE -fno-common -fno-strict-aliasing
ifeq ($(shell uname -m),x86_64)
HARDEN  += -fcf-protection
endif
LDHARD  := -pie -Wl,-z,relro,-z,now,-z,noexecstack,-z,separate-code -Wl,--as-needed
endif

ALL_CFLAGS  := -std=gnu11 -D_GNU_SOURCE -D_FILE_OFFSET_BITS=64 -DCADDIS_VERSION='"$(VERSION)"' \
               -Ilib -Icmd -I$(BUILD) -I. $(WARN) $(OPTIMIZE) $(HARDEN)
# Small libraries that every command needs go in statically where their archives are: a start then maps
# libc and nothing else, which is most of what "caddis version" costs above an empty program.
static_lib   = $(if $(filter /%,$(shell $(CC) -print-file-name=lib$(1).a)),-l:lib$(1).a,-l$(1))
LIBS        := $(call static_lib,json-c) $(call static_lib,cap) -ldl -lpthread

LIB_SRC := $(wildcard lib/*/*.c)
CMD_SRC := $(wildcard cmd/*.c)
LIB_OBJ := $(LIB_SRC:%.c=$(BUILD)/%.o)
CMD_OBJ := $(CMD_SRC:%.c=$(BUILD)/%.o)
UNIT_SRC := $(wildcard tests/unit/*.c)
UNIT     := $(UNIT_SRC:tests/unit/%.c=$(BUILD)/tests/unit/%)

all: $(BUILD)/caddis  ## build build/caddis (the default)

$(BUILD)/caddis: $(CMD_OBJ) $(BUILD)/libcaddis.a
	$(CC) $(LDHARD) $(LDFLAGS) -o $@ $(CMD_OBJ) $(BUILD)/libcaddis.a $(LIBS)

$(BUILD)/libcaddis.a: $(LIB_OBJ)
	@rm -f $@
	$(AR) rcs $@ $^

# The default seccomp filter is compiled to BPF here and now.
GEN := lib/executor/gen
$(BUILD)/seccomp_default.h: $(GEN)/seccomp_gen.c $(GEN)/seccomp_profile.h
	@mkdir -p $(@D)
	$(CC) -std=gnu11 -D_GNU_SOURCE $(WARN) -O1 -o $(BUILD)/seccomp_gen $< -lseccomp
	$(BUILD)/seccomp_gen > $@.new && mv $@.new $@
$(BUILD)/lib/executor/seccomp.o: $(BUILD)/seccomp_default.h

# The program that is pid 1 of a shared pid namespace and of --init: an ELF file of 1 KiB as an array.
PID1_FLAGS := -std=gnu11 -Os -Wall -Wextra -ffreestanding -fno-stack-protector -fno-pie -no-pie -static -nostdlib \
              -fno-asynchronous-unwind-tables -s -Wl,--build-id=none,-z,noexecstack,-z,noseparate-code,-n
$(BUILD)/pid1_program.h: $(GEN)/pid1.c
	@mkdir -p $(@D)
	$(CC) $(PID1_FLAGS) -o $(BUILD)/pid1 $<
	{ echo 'static const unsigned char pid1_program[] = {'; od -An -v -tx1 $(BUILD)/pid1 | sed 's/ *\([0-9a-f][0-9a-f]\)/0x\1,/g'; \
		echo '};'; } > $@.new && mv $@.new $@
$(BUILD)/lib/executor/pid1.o: $(BUILD)/pid1_program.h

$(BUILD)/%.o: %.c Makefile | $(BUILD)/headers
	@mkdir -p $(@D)
	$(CC) $(CPPFLAGS) $(ALL_CFLAGS) $(CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(BUILD)/libcaddis.a
	$(CC) $(LDHARD) $(LDFLAGS) -o $@ $(filter %.o,$^) $(BUILD)/libcaddis.a $(LIBS)
$(BUILD)/tests/unit/opt_test: $(BUILD)/cmd/opt.o
$(BUILD)/tests/unit/table_test: $(BUILD)/cmd/table.o
$(BUILD)/tests/unit/net_opts_test: $(BUILD)/cmd/net_opts.o

# Headers that a build needs, and the Debian package of each (other distributions: ./install.sh).
HEADERS := json-c/json.h:libjson-c-dev sys/capability.h:libcap-dev seccomp.h:libseccomp-dev \
           curl/curl.h:libcurl4-openssl-dev archive.h:libarchive-dev openssl/evp.h:libssl-dev \
           zstd.h:libzstd-dev zlib.h:zlib1g-dev isa-l/igzip_lib.h:libisal-dev \
           libsmartcols/libsmartcols.h:libsmartcols-dev yaml.h:libyaml-dev \
           libmnl/libmnl.h:libmnl-dev libnftnl/table.h:libnftnl-dev linux/openat2.h:linux-libc-dev
$(BUILD)/headers: Makefile
	@mkdir -p $(@D); missing=; for h in $(HEADERS); do \
		printf '#include <stddef.h>\n#include <%s>\n' "$${h%%:*}" | $(CC) $(CPPFLAGS) $(CFLAGS) -E -x c - >/dev/null 2>&1 || \
		{ echo "missing: <$${h%%:*}>, in package $${h#*:}" >&2; missing="$$missing $${h#*:}"; }; done; \
	if [ "$$missing" ]; then echo "install with: apt-get install$$missing   (or run ./install.sh)" >&2; exit 1; fi; touch $@

unit-programs: $(UNIT)
unit: $(UNIT)  ## build and run the unit tests
	@bad=0; for t in $(UNIT); do "$$t" || bad=1; done; exit $$bad

check: all unit bats  ## unit tests, then the tests of the built binary (as root)

bats: all
	@command -v bats >/dev/null || { echo "bats is missing: apt-get install bats (or ./install.sh --check)" >&2; exit 1; }
	CADDIS=$(abspath $(BUILD))/caddis BATS_TEST_TIMEOUT=$${BATS_TEST_TIMEOUT:-240} \
		tests/netns bats $(BATSFLAGS) $(or $(TESTS),tests)

vm: all  ## the tests that need cgroup v2 alone, in an emulated machine (Debian, x86-64)
	CADDIS=$(abspath $(BUILD))/caddis tests/vm/run $(VM)

asan:  ## the same tests with AddressSanitizer and UBSan
	$(MAKE) BUILD=build/asan SANITIZE=address,undefined OPTIMIZE='-O1 -g' check

bench: all  ## time caddis against crun, podman, conmon, containerd: medians and ratios
	@CADDIS=$(abspath $(BUILD))/caddis CC=$(CC) tests/bench/run $(BENCH)

# --- fuzzing: parsers of hostile bytes; needs clang, and root for the tar stream. make fuzz FUZZ_TIME=3600 for an hour each ---
FUZZ_SRC  := $(wildcard tests/fuzz/*.c)
FUZZ      := $(FUZZ_SRC:tests/fuzz/%.c=$(BUILD)/tests/fuzz/%)
FUZZ_TIME ?= 60
$(BUILD)/tests/fuzz/%: $(BUILD)/tests/fuzz/%.o $(BUILD)/libcaddis.a
	$(CC) -fsanitize=address,undefined,fuzzer $(LDFLAGS) -o $@ $< $(BUILD)/libcaddis.a $(LIBS)
fuzz-programs: $(FUZZ)

fuzz:  ## libFuzzer on each parser of hostile bytes, FUZZ_TIME seconds each; finds stay in build/fuzz
	$(MAKE) --no-print-directory -s BUILD=build/fuzz CC=clang SANITIZE=address,undefined,fuzzer-no-link OPTIMIZE='-O1 -g' fuzz-programs
	@for t in $(FUZZ_SRC:tests/fuzz/%.c=%); do echo "fuzz $$t"; mkdir -p build/fuzz/corpus/$$t; \
		build/fuzz/tests/fuzz/$$t -max_total_time=$(FUZZ_TIME) -timeout=20 -rss_limit_mb=2048 -max_len=8192 -verbosity=0 \
			-artifact_prefix=build/fuzz/$$t- build/fuzz/corpus/$$t tests/fuzz/corpus/$$t || exit 1; done

# --- lint: every rule by itself, so that make -k -j shows all complaints ---
LINT := build format tidy cppcheck shell man layers
lint: $(LINT:%=lint-%)  ## warnings as errors, clang-tidy, cppcheck, shellcheck, mandoc, formatting, includes

lint-build:
	+$(MAKE) --no-print-directory -s WERROR=1 all $(UNIT)

lint-format:
	clang-format --dry-run -Werror $(CMD_SRC) $(LIB_SRC) $(UNIT_SRC)

# How far the analyzer goes into a function: clang's own measure. --check goes a part of the way, which
# takes a third of the time.
TIDY_NODES ?= 225000
# Generated headers must exist before a checker reads the sources.
lint-tidy: | lint-build
	printf '%s\n' $(CMD_SRC) $(LIB_SRC) | xargs -P $$(nproc) -n 2 sh -c \
		'clang-tidy --quiet "$$@" -- $(filter-out -DCADDIS_VERSION=%,$(filter -std=% -D% -I%,$(ALL_CFLAGS))) -DCADDIS_VERSION=\"$(VERSION)\" -Xclang -analyzer-config -Xclang max-nodes=$(TIDY_NODES) 2>/dev/null' tidy

lint-cppcheck: | lint-build
	cppcheck -q -j $$(nproc) --enable=warning,performance,portability --inline-suppr --error-exitcode=1 \
		--std=c11 --library=gnu --suppress=missingIncludeSystem --suppressions-list=tests/lint/cppcheck.txt \
		$(filter -I%,$(ALL_CFLAGS)) -D_GNU_SOURCE -D__x86_64__ -DCADDIS_VERSION=\"\" cmd lib

lint-shell:
	shellcheck install.sh .ci/run completions/caddis.bash
	shellcheck -s bats -S warning -e SC2154 tests/*.bats tests/vm/*.bats tests/*.bash
	shellcheck tests/vm/run tests/vm/guest

lint-man:
	mandoc -T lint -W warning man/*.1 man/*.8

lint-layers:
	awk -f tests/lint/layers.awk $(CMD_SRC) $(LIB_SRC) $(wildcard cmd/*.h lib/*/*.h)

fmt:  ## format the sources
	clang-format -i $(CMD_SRC) $(LIB_SRC) $(UNIT_SRC)

# --- install ---
APPLETS := caddis-sandbox caddis-ctr caddis-image caddis-oci
BIN  := $(DESTDIR)$(PREFIX)/bin
MAN1 := $(DESTDIR)$(PREFIX)/share/man/man1
MAN8 := $(DESTDIR)$(PREFIX)/share/man/man8
BASH_DIR := $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSH_DIR  := $(DESTDIR)$(PREFIX)/share/zsh/site-functions
FISH_DIR := $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
MAN  := $(wildcard man/*.1)
ADMIN_MAN := $(wildcard man/*.8)

# The binary by rename: a caddis that runs right now keeps its own.
install: all  ## install below $(DESTDIR)$(PREFIX): binary, man pages, completions
	install -d $(BIN) $(MAN1) $(MAN8) $(BASH_DIR) $(ZSH_DIR) $(FISH_DIR)
	install -m 755 $(BUILD)/caddis $(BIN)/.caddis.new
	mv -f $(BIN)/.caddis.new $(BIN)/caddis
	for a in $(APPLETS); do ln -sf caddis $(BIN)/$$a && ln -sf caddis $(BASH_DIR)/$$a && \
		ln -sf caddis.fish $(FISH_DIR)/$$a.fish || exit 1; done
	install -m 644 $(MAN) $(MAN1)
	install -m 644 $(ADMIN_MAN) $(MAN8)
	install -m 644 completions/caddis.bash $(BASH_DIR)/caddis
	install -m 644 completions/_caddis $(ZSH_DIR)/_caddis
	install -m 644 completions/caddis.fish $(FISH_DIR)/caddis.fish

uninstall:  ## remove exactly what install put there
	rm -f $(addprefix $(BIN)/,caddis $(APPLETS)) $(addprefix $(MAN1)/,$(notdir $(MAN))) \
		$(addprefix $(MAN8)/,$(notdir $(ADMIN_MAN))) \
		$(addprefix $(BASH_DIR)/,caddis $(APPLETS)) $(ZSH_DIR)/_caddis \
		$(addprefix $(FISH_DIR)/,caddis.fish $(APPLETS:=.fish))

clean:  ## remove what was built
	rm -rf $(BUILD)

help:  ## this list
	@awk -F ':.*## *' '/^[a-z]+:.*##/ { printf "%-12s %s\n", $$1, $$2 }' Makefile

.PHONY: all unit unit-programs check bats vm asan bench lint $(LINT:%=lint-%) fmt install uninstall clean help fuzz fuzz-programs
.SECONDARY: $(UNIT:=.o) $(FUZZ:=.o)
-include $(LIB_OBJ:.o=.d) $(CMD_OBJ:.o=.d) $(UNIT:=.d) $(FUZZ:=.d)
