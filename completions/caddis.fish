# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for caddis: all that is known comes from "caddis --complete WORD...".

function __caddis_complete
	set -l given (commandline -opc) (commandline -ct)
	set -l name (string replace -r '.*/' '' -- $given[1])
	set -e given[1]
	if string match -q 'caddis-*' -- $name
		set given (string replace caddis- '' -- $name) $given
	end
	for line in (command caddis --complete $given 2>/dev/null)
		switch $line
			case :file
				__fish_complete_path (commandline -ct)
			case :dir
				__fish_complete_directories (commandline -ct)
			case '*'
				echo $line
		end
	end
end

for name in caddis caddis-sandbox caddis-ctr caddis-image caddis-oci
	complete -c $name -f -a '(__caddis_complete)'
end
