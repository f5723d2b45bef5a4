# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# bash completion for caddis: all that is known comes from "caddis --complete WORD...".

_caddis() {
	local -a words=() answer=()
	local line word cur i

	# bash breaks words at "=" and ":" too: put back together what stood without a blank between.
	line=${COMP_LINE:0:COMP_POINT}
	for ((i = 1; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((i > 1)) && [[ $word == [=:]* || ${COMP_WORDS[i - 1]} == [=:] ]] &&
			[[ $line == *"${words[-1]}$word"* ]]; then
			words[-1]+=$word
		else
			words+=("$word")
		fi
	done
	((${#words[@]})) || words=("")
	cur=${words[-1]}
	case ${1##*/} in
	caddis-*) words=("${1#*caddis-}" "${words[@]}") ;;
	esac
	COMPREPLY=()
	mapfile -t answer < <("$(type -P caddis || echo "$1")" --complete "${words[@]}" 2>/dev/null)
	for line in "${answer[@]}"; do
		case $line in
		:file) mapfile -t COMPREPLY < <(compgen -f -- "${cur##*[=]}") && compopt -o filenames ;;
		:dir) mapfile -t COMPREPLY < <(compgen -d -- "${cur##*[=]}") && compopt -o filenames ;;
		*)
			line=${line%%$'\t'*}
			# bash replaces only what follows the last "=" or ":".
			if [[ $cur == *[=:]* && $line == "${cur%[=:]*}"[=:]* ]]; then
				word=${cur##*[=:]}
				line=${line:$((${#cur} - ${#word}))}
			fi
			COMPREPLY+=("$line")
			;;
		esac
	done
}
complete -F _caddis caddis caddis-sandbox caddis-ctr caddis-image caddis-oci
