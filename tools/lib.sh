# What tools/run and tools/test share; sourced, not run.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

build_packages="cmake ninja-build gcc libc6-dev pkg-config libnl-3-dev libnl-genl-3-dev libncurses-dev"
build_packages+=" libseccomp-dev"
# Grows with the sources that need them.
if compgen -G "$top/src/store/*.c" >/dev/null; then build_packages+=" libsqlite3-dev"; fi
if compgen -G "$top/src/output/*json*.c" >/dev/null; then build_packages+=" libjansson-dev"; fi
test_packages="clang libcmocka-dev python3 python3-pytest fio tmux jq strace procps"
test_packages+=" util-linux e2fsprogs libcap2-bin sysstat sqlite3 mandoc gnuplot-nox"
# Installed and packed: completions in their shells, .deb and .rpm.
test_packages+=" binutils systemd zsh fish dpkg-dev file rpm valgrind"

# For the tests on other kernels: installed, and unpacked.
kernels_packages="qemu-system-x86 busybox-static cpio e2fsprogs"
nfs_packages="nfs-common nfs-kernel-server libwrap0 libtirpc3 libtirpc-common libnfsidmap1 libkeyutils1"

say() { printf '%s\n' "$*" >&2; }
die() { say "$0: $*"; exit 1; }

apt_install() {
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@" </dev/null >&2
}

# need PACKAGE...: installs those that are missing, and says so.
need() {
	local package missing=()

	if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
		say "No apt-get here. Needed, by the names of Debian's packages: $*"
		return 0
	fi
	for package in "$@"; do
		case $(dpkg-query -W -f='${db:Status-Abbrev}' "$package" 2>/dev/null) in
		?i*) ;;
		*) missing+=("$package") ;;
		esac
	done
	[ ${#missing[@]} -gt 0 ] || return 0
	if [ "$(id -u)" != 0 ]; then
		die "these packages are missing, and installing them takes root: ${missing[*]}"
	fi
	say "Installing: ${missing[*]}"
	# The lists of packages may be missing or old: fetch them only then.
	apt_install "${missing[@]}" || { apt-get update >&2 && apt_install "${missing[@]}"; } ||
		die "could not install: ${missing[*]}"
}

# The runtime of clang's sanitizers is a package of its own, named after the version, where there is one.
need_clang_runtime() {
	local probe version

	probe=$(mktemp -d)
	echo 'int main(void) { return 0; }' >"$probe/probe.c"
	if ! clang -fsanitize=address,undefined "$probe/probe.c" -o "$probe/probe" 2>/dev/null; then
		version=$(clang -dumpversion)
		need "libclang-rt-${version%%.*}-dev"
	fi
	rm -rf "$probe"
}

# The programs for the test with a real Prometheus, unpacked and not installed: Debian's packages would start services.
# Without them that test is skipped.
fetch_prometheus() {
	local to=$top/build-test/prometheus package

	if ! [ -x "$to/usr/bin/promtool" ]; then
		command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || return 0
		say "Fetching prometheus and prometheus-node-exporter (about 25 MB)"
		mkdir -p "$to"
		(
			cd "$to"
			apt-get download prometheus prometheus-node-exporter || {
				apt-get update && apt-get download prometheus prometheus-node-exporter
			}
			for package in ./*.deb; do dpkg-deb -x "$package" . && rm "$package"; done
		) >&2 || say "That failed: the test with Prometheus will be skipped"
	fi
	export IOTOPX_PROMETHEUS=$to
}

# fetch DIRECTORY PACKAGE...: downloads and unpacks, once; nothing is installed.
fetch() {
	local directory=$1 package
	shift
	[ -e "$directory/.complete" ] && return 0
	rm -rf "$directory"
	mkdir -p "$directory"
	for package in "$@"; do
		(cd "$directory" && apt-get download "$package" >&2 && dpkg -x ./"${package}"_*.deb . && rm ./"${package}"_*.deb) || {
			say "$package can't be fetched"
			return 1
		}
	done
	touch "$directory/.complete"
}

# kernel_package VERSION: the newest package of that kernel; its name has the exact version in it, and changes.
kernel_package() {
	local package

	package=$(apt-cache search --names-only "^linux-image-${1//./\\.}\.[0-9].*-cloud-amd64\$" | cut -d' ' -f1 |
		grep -v unsigned | sort -V | tail -n 1)
	[ -n "$package" ] && echo "$package" || { say "no package of a kernel $1 here"; return 1; }
}

# try_need PACKAGE...: like need, but the machine may do without.
try_need() { (need "$@"); }

# fetch_kernel VERSION: Debian's, as build-test/kernels/VERSION.
fetch_kernel() {
	local to=$top/build-test/kernels package

	[ -d "$to/$1/boot" ] && return 0
	package=$(kernel_package "$1") && fetch "$to/$package" "$package" && ln -sfn "$package" "$to/$1"
}

# fetch_kernels [VERSION...]: what the tests on other kernels need, by default on all. What can't be had is skipped.
fetch_kernels() {
	local version

	[ $# -gt 0 ] || set -- $(<"$top/tests/kernels/versions")
	[ "$(dpkg --print-architecture 2>/dev/null)" = amd64 ] && try_need $kernels_packages ||
		{ say "No qemu for the tests on other kernels: they will be skipped"; return 0; }
	mkdir -p "$top/build-test/kernels"
	for version in "$@"; do
		# The lists of packages may be missing or old.
		fetch_kernel "$version" || { apt-get update >&2 && fetch_kernel "$version"; } ||
			say "No kernel $version here: its tests will be skipped"
	done
	fetch "$top/build-test/kernels/nfs" $nfs_packages || say "No NFS tools here: their tests will be skipped"
	export IOTOPX_KERNELS=$top/build-test/kernels IOTOPX_NFS=$top/build-test/kernels/nfs
}

# build PRESET [CMAKE_ARGUMENT...]: configures and builds one preset of CMakePresets.json; all it prints is on stderr.
build() {
	(cd "$top" && cmake --preset "$@" && cmake --build "$(preset_dir "$1")") >&2
}

preset_dir() {
	case $1 in
	release) echo "$top/build" ;;
	*) echo "$top/build-test/$1" ;;
	esac
}
