# SPDX-License-Identifier: GPL-2.0-or-later
# Includes point one way: cmd -> {pod, oci} -> {image, network, monitor} -> {executor, store, spec} -> base.
# awk -f layers.awk FILE...; complains and ends with 1 about each include that points up or sideways.

BEGIN {
	may["base"] = "base"
	may["spec"] = "spec base"
	may["store"] = "store spec base"
	may["executor"] = "executor spec base"
	may["image"] = "image store spec base"
	may["network"] = "network store spec base"
	may["monitor"] = "monitor executor store spec base"
	may["pod"] = "pod image network monitor executor store spec base"
	may["oci"] = "oci monitor executor store spec base"
	may["cmd"] = "cmd oci pod image network monitor executor store spec base"
}

FNR == 1 {
	n = split(FILENAME, part, "/")
	folder = part[n - 1]
	if (!(folder in may)) {
		print FILENAME ": no such layer: " folder
		bad = 1
		nextfile
	}
}

/^#[ \t]*include[ \t]*"/ {
	split($0, quoted, "\"")
	path = quoted[2]
	target = path
	if (!sub(/\/.*/, "", target))
		target = folder == "cmd" ? "cmd" : "" # "cli.h" is how cmd/ names its own
	if (path == "seccomp_default.h" || path == "pid1_program.h")
		next # generated below build/
	if (path ~ /^\.\.?\// || target == "") {
		print FILENAME ":" FNR ": write it as \"folder/file.h\": " path
		bad = 1
	} else if ((target in may) && index(" " may[folder] " ", " " target " ") == 0) {
		print FILENAME ":" FNR ": " folder " may not include " path
		bad = 1
	}
}

END { exit bad }
