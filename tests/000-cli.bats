#!/usr/bin/env bats
# SPDX-License-Identifier: GPL-2.0-or-later
# The command line itself: help, wrong words, statuses, completion, and that nothing of it drifts apart.

load helpers

MAN_DIR=$BATS_TEST_DIRNAME/../man

# Groups, and "GROUP VERB" of each verb, as the tables have them.
groups() {
	caddis --list-options | awk '$1 != "caddis" { print $1 }' | sort -u
}

verbs() {
	caddis --list-options | awk '$1 != "caddis" && NF == 2'
}

@test "the version is the Makefile's, on standard output" {
	run_ok version
	assert_output "caddis $(sed -n 's/^VERSION := //p' "$BATS_TEST_DIRNAME/../Makefile")"
	assert_no_error
	run_ok --version
	assert_output "caddis $(sed -n 's/^VERSION := //p' "$BATS_TEST_DIRNAME/../Makefile")"
}

@test "version touches no state, needs no rights and loads no library but libc" {
	export CADDIS_ROOT=$TEST_DIR/none
	run strace -f -qq -e trace=open,openat,mkdir,mkdirat,connect \
		-o "$TEST_DIR/trace" "$CADDIS" version
	[ "$status" -eq 0 ]
	[ ! -e "$TEST_DIR/none" ]
	grep -q 'libc\.' "$TEST_DIR/trace"
	sanitizers=$(ldd "$CADDIS" | awk '/lib(a|ub)san/ { print "libm\\.|libgcc_s|libstdc|/proc/self|" $1; }' | paste -sd '|')
	run grep -vE "libc\\.|ld\\.so\\.|/dev/null${sanitizers:+|$sanitizers}" "$TEST_DIR/trace"
	assert_output ""
}

@test "all groups are there" {
	[ "$(groups | tr '\n' ' ')" = "ctr image network oci sandbox system " ]
}

@test "--help and help print the same to standard output, at every level" {
	run_ok --help
	assert_output_has "Usage: caddis "
	assert_no_error
	[ "$output" = "$(caddis help)" ]
	[ "$output" = "$(caddis -h)" ]
	local n=0 group verb
	for group in $(groups); do
		run_ok "$group" --help
		assert_output_has "Usage: caddis $group VERB"
		[ "$output" = "$(caddis help "$group")" ]
	done
	while read -r group verb; do
		run_ok "$group" "$verb" --help
		assert_output_has "Usage: caddis $group $verb"
		assert_no_error
		[ "$output" = "$(caddis help "$group" "$verb")" ]
		n=$((n + 1))
	done < <(verbs)
	[ "$n" -ge 20 ]
}

@test "no line of help is longer than 80 columns or ends with a blank" {
	local group verb
	{
		caddis --help
		for group in $(groups); do caddis "$group" --help; done
		verbs | while read -r group verb; do caddis "$group" "$verb" --help; done
	} > "$TEST_DIR/help"
	[ "$(wc -l < "$TEST_DIR/help")" -gt 100 ]
	run grep -nE '.{81}| $' "$TEST_DIR/help"
	assert_output ""
}

@test "every option of every command is in its help" {
	local group verb option n=0
	while read -r group verb option; do
		[ -n "$option" ] || continue
		[ "$group" != caddis ] || group=
		# shellcheck disable=SC2086 # a command without a group
		caddis $group "$verb" --help | grep -qE -- "(^|[ ,])$option([ ,]|\$)" ||
			fail "caddis $group $verb --help lacks $option"
		n=$((n + 1))
	done < <(caddis --list-options)
	[ "$n" -ge 50 ]
}

# man_has PAGE VERB [OPTION]: does the verb's section of the page have the option as an mdoc flag?
man_has() {
	awk -v verb="$2" -v option="${3-}" '
		/^\.Ss / { inside = ($2 == verb) }
		inside && option == "" { found = 1 }
		inside && option != "" && (/^\.It/ || /^\.Op/) {
			line = $0
			gsub(/\\-/, "-", line)
			n = split(line, word, /[ ,]+/)
			for (i = 1; i < n; i++)
				if (word[i] == "Fl" && "-" word[i + 1] == option)
					found = 1
		}
		END { exit !found }
	' "$1"
}

@test "every verb and option is described in its man page" {
	local group verb option page n=0 lacking=()
	while read -r group verb option; do
		page=$MAN_DIR/caddis-$group.1
		[ "$group" != oci ] || page=$MAN_DIR/caddis-oci.8
		if [ "$group" = system ] || [ "$group" = caddis ]; then
			page=$MAN_DIR/caddis.1
		fi
		if [ "$group" = caddis ] && [ -z "$option" ]; then
			grep -qE "^\.It Fl -?${verb#--}( |\$)|^\.It Ic ${verb}( |\$)" "$page" || lacking+=("caddis $verb")
		else
			man_has "$page" "$verb" "$option" || lacking+=("$group $verb $option")
		fi
		n=$((n + 1))
	done < <(caddis --list-options)
	[ "$n" -ge 80 ]
	[ "${#lacking[@]}" -eq 0 ] || fail "not in the man pages:" "${lacking[@]}"
}

@test "no man page describes an option that does not exist" {
	local page group verb option n=0
	caddis --list-options > "$TEST_DIR/options"
	for page in "$MAN_DIR"/caddis-{sandbox,ctr,image}.1 "$MAN_DIR"/caddis-oci.8; do
		group=${page##*caddis-}
		group=${group%.[18]}
		while read -r verb option; do
			grep -qxF -- "$group $verb -$option" "$TEST_DIR/options" ||
				fail "${page##*/}: $verb has no -$option"
			n=$((n + 1))
		done < <(awk '
			/^\.Ss / { verb = $2 }
			/^\.Sh / { verb = "" }
			/^\.It Fl/ && verb != "" { for (i = 1; i < NF; i++) if ($i == "Fl") print verb, $(i + 1) }
		' "$page")
	done
	[ "$n" -ge 50 ]
}

@test "every verb and long option completes" {
	local group verb option n=0
	while read -r group verb option; do
		[[ $option == --* || -z $option ]] || continue
		if [ "$group" = caddis ]; then
			# shellcheck disable=SC2086 # without an option it is the verb that completes
			caddis --complete "$verb" $option
		elif [ -z "$option" ]; then
			caddis --complete "$group" "$verb"
		else
			caddis --complete "$group" "$verb" "$option"
		fi | cut -f1 | grep -qxF -- "${option:-$verb}" || fail "does not complete: $group $verb $option"
		n=$((n + 1))
	done < <(caddis --list-options)
	[ "$n" -ge 60 ]
}

@test "fixed values, names of objects and files complete" {
	[ "$(caddis --complete system info -o j)" = json ]
	[ "$(caddis --complete system info --output=j)" = --output=json ]
	[ "$(caddis --complete system info --root '')" = :dir ]
	test_image local/thing
	caddis sandbox create web
	caddis ctr create --name front web local/thing
	[ "$(caddis --complete sandbox rm w)" = web ]
	[ "$(caddis --complete ctr inspect f)" = front ]
	caddis --complete image inspect '' | grep -qx '.*local/thing:latest'
}

@test "completion is silent whatever it is asked" {
	local words
	for words in '' nonsense 'ctr nonsense x' '-- -- --' 'ctr run -s' 'ctr run --nonsense=' '--root' \
		'--root /nonexistent ctr rm x' 'sandbox rm --state=/dev/null x'; do
		# shellcheck disable=SC2086 # words
		run --separate-stderr "$CADDIS" --complete $words
		[ "$status" -eq 0 ]
		assert_no_error
	done
	run --separate-stderr "$CADDIS" --complete
	[ "$status" -eq 0 ]
}

@test "bash completes verbs, values after = and names with a colon" {
	cat > "$TEST_DIR/try.bash" <<-'BASH'
		PATH=$(dirname "$CADDIS"):$PATH
		. "$1"
		COMP_WORDS=("${@:2}"); COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); COMP_LINE=$LINE; COMP_POINT=${#LINE}
		_caddis "${COMP_WORDS[0]}"
		printf '%s\n' "${COMPREPLY[@]}"
	BASH
	local file=$BATS_TEST_DIRNAME/../completions/caddis.bash
	[ "$(LINE='caddis sys' bash "$TEST_DIR/try.bash" "$file" caddis sys)" = system ]
	[ "$(LINE='caddis system info --output=j' bash "$TEST_DIR/try.bash" "$file" caddis system info --output = j)" = json ]
	test_image local/thing:one
	local name
	name=$(caddis --complete image rm '' | cut -f1)
	[[ $name == *local/thing:one ]]
	[ "$(LINE="caddis image rm ${name%one}" bash "$TEST_DIR/try.bash" "$file" caddis image rm "${name%:one}" :)" = one ]
}

@test "a mistyped word gets one line with a suggestion and status 2" {
	run_fails 2 sandbx ls
	assert_error "unknown command 'sandbx' (did you mean 'sandbox'?); see 'caddis --help'"
	run_fails 2 sandbox lss
	assert_error "sandbox has no verb 'lss' (did you mean 'ls'?); see 'caddis sandbox --help'"
	run_fails 2 sandbox ls --quite
	assert_error "unknown option --quite (did you mean --quiet?); see 'caddis sandbox ls --help'"
	run_fails 2 ctr ps
	assert_error "did you mean 'ls'?"
	run_fails 2 ps
	assert_error "unknown command 'ps' (did you mean 'ctr ls'?); see 'caddis --help'"
	run_fails 2 pull x
	assert_error "there is no 'pull' by itself (did you mean 'image pull'?)"
	run_fails 2 stop x
	assert_error "there is no 'stop' by itself (did you mean 'sandbox stop' or 'ctr stop'?)"
	run_fails 2 sandbox ls nonsense
	assert_error "unexpected argument 'nonsense'"
	run_fails 2 sandbox rm
	assert_error "too few arguments"
	run_fails 2
	assert_error "which group:"
	run_fails 2 ctr
	assert_error "ctr needs a verb; see 'caddis ctr --help'"
	run_fails 2 --root
	assert_error "--root needs a value"
	run_fails 2 --root "" ctr ls
	assert_error "--root is empty"
	run_fails 2 system info --state=
	assert_error "--state is empty"
}

@test "errors of run and exec themselves are 125, usage included" {
	run_fails 125 ctr run --nonsense image
	assert_error "unknown option --nonsense"
	run_fails 125 ctr exec
	assert_error "too few arguments"
	run_fails 125 ctr exec nobody true
	assert_error "nobody"
}

@test "global options count before the group and after the verb, and the later one wins" {
	[ "$(caddis --root /a system info -o json | jq -r .root)" = /a ]
	[ "$(caddis system --root /b info -o json | jq -r .root)" = /b ]
	[ "$(caddis --root /a system info -o json --root=/c | jq -r .root)" = /c ]
	[ "$(caddis system info -o json | jq -r .root)" = "$CADDIS_ROOT" ]
	[ "$(env -u CADDIS_ROOT "$CADDIS" system info -o json | jq -r .root)" = /var/lib/caddis ]
	run_fails 2 --lock-timeout soon system info
	assert_error "--lock-timeout: expected an integer, found \"soon\""
}

@test "a link named after a group is that group" {
	local group
	for group in sandbox ctr image oci; do
		ln -s "$CADDIS" "$TEST_DIR/caddis-$group"
		[ "$("$TEST_DIR/caddis-$group" --help)" = "$(caddis "$group" --help)" ]
	done
}

@test "a full disk under standard output is one line and status 1, a closed pipe is silent" {
	run bash -c "'$CADDIS' --help 2>&1 > /dev/full"
	[ "$status" -eq 1 ]
	assert_output "caddis: write to standard output: No space left on device"
	run bash -c "{ sleep 0.2; '$CADDIS' --help; echo \$? >&2; } 2>&1 >&3 3>&- | cat" 3> >(exec true)
	[ "$output" -eq 1 ]
}

@test "it works without environment, terminal, standard streams and current directory" {
	local gone=$TEST_DIR/gone
	env -i "$CADDIS" version
	env -i LC_ALL=tr_TR.UTF-8 "$CADDIS" --help > /dev/null
	"$CADDIS" version <&- >&- 2>&-
	mkdir "$gone"
	(cd "$gone" && rmdir "$gone" && "$CADDIS" sandbox ls -q && setsid "$CADDIS" system info > /dev/null)
}

@test "control characters in arguments do not reach the terminal" {
	run_fails 2 $'sand\033[31mbox'
	[[ $stderr != *$'\033'* ]]
	assert_error 'sand\x1b[31mbox'
}

@test "without root the error says so and nothing is made" {
	chmod 755 "$TEST_DIR"
	mkdir -m 777 "$TEST_DIR/open"
	cp "$CADDIS" "$TEST_DIR/caddis"
	run --separate-stderr setpriv --reuid 65534 --regid 65534 --clear-groups \
		"$TEST_DIR/caddis" --root "$TEST_DIR/open/root" --state "$TEST_DIR/open/state" sandbox ls
	[ "$status" -eq 1 ]
	assert_error "root"
	[ -z "$(ls -A "$TEST_DIR/open")" ]
}
