package build

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const rustTarget = "wasm32-unknown-unknown"

// releaseProfile holds for every crate, whatever its Cargo.toml says: without it an
// empty contract has 5 MB, most of it names for a debugger, and with it 36 KB. The
// level of optimisation is left to the crate.
var releaseProfile = []string{"CARGO_INCREMENTAL=0", "CARGO_PROFILE_RELEASE_LTO=true", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS=1",
	"CARGO_PROFILE_RELEASE_PANIC=abort", "CARGO_PROFILE_RELEASE_STRIP=true", "CARGO_PROFILE_RELEASE_DEBUG=false"}

// RustCompiler finds a rustc that can build for the ledger: the one that $RUSTC
// names, or the first of the search path and /usr/bin that has the target. Its
// cargo stands beside it.
func RustCompiler(ctx context.Context) (rustc, cargo string, err error) {
	candidates := []string{"/usr/bin/rustc"}
	if found, err := exec.LookPath("rustc"); err == nil {
		candidates = append([]string{found}, candidates...)
	}
	if named := os.Getenv("RUSTC"); named != "" {
		candidates = []string{named}
	}
	for _, c := range candidates {
		out, err := exec.CommandContext(ctx, c, "--print", "target-libdir", "--target", rustTarget).Output() // #nosec G204 -- a compiler that was looked up
		if err != nil {
			continue
		}
		if libs, err := os.ReadDir(strings.TrimSpace(string(out))); err != nil || len(libs) == 0 {
			continue
		}
		cargo := filepath.Join(filepath.Dir(c), "cargo")
		if !exists(cargo) {
			continue
		}
		return c, cargo, nil
	}
	return "", "", &ToolchainError{"there is no Rust compiler with the target " + rustTarget,
		"install it with `rustup target add wasm32-unknown-unknown`, or on Debian with `apt-get install rustc cargo libstd-rust-dev-wasm32 lld`"}
}

// hasLock tells whether the crate's workspace has a Cargo.lock. A new crate has
// none before its first build, which writes it; from then on it is binding.
func hasLock(ctx context.Context, cargo, dir string) bool {
	cmd := exec.CommandContext(ctx, cargo, "locate-project", "--workspace", "--message-format", "plain") // #nosec G204 -- a compiler that was looked up
	cmd.Dir = dir
	root, err := cmd.Output()
	return err == nil && exists(filepath.Join(filepath.Dir(strings.TrimSpace(string(root))), "Cargo.lock"))
}

// rustModule builds a crate. Paths of this machine are taken out of the messages
// of panics, and the folder that cargo builds in is always new, so that the same
// sources and compiler give the same bytes anywhere.
func rustModule(ctx context.Context, dir string) (code []byte, crate string, err error) {
	rustc, cargo, err := RustCompiler(ctx)
	if err != nil {
		return nil, "", err
	}
	abs, err := filepath.Abs(dir)
	if err != nil {
		return nil, "", fmt.Errorf("find the folder: %w", err)
	}
	temp, err := os.MkdirTemp("", "concordat-build-*")
	if err != nil {
		return nil, "", fmt.Errorf("make a folder to build in: %w", err)
	}
	defer func() { _ = os.RemoveAll(temp) }() // a leftover in the temporary folder harms nobody
	flags := []string{"-Ctarget-feature=+bulk-memory"}
	for at, name := abs, "contract"; at != filepath.Dir(at); at, name = filepath.Dir(at), name+"-up" {
		flags = append([]string{"--remap-path-prefix=" + at + "=" + name}, flags...) // the last that fits counts
	}
	env := append([]string{"RUSTC=" + rustc, "CARGO_TARGET_DIR=" + temp, "CARGO_ENCODED_RUSTFLAGS=" + strings.Join(flags, "\x1f")}, releaseProfile...)
	args := []string{"build", "--release", "--target", rustTarget}
	if hasLock(ctx, cargo, abs) {
		args = append(args, "--locked")
	}
	if err := run(ctx, abs, env, cargo, args...); err != nil {
		return nil, "", err
	}
	built, err := filepath.Glob(filepath.Join(temp, rustTarget, "release", "*.wasm"))
	if err != nil || len(built) != 1 {
		return nil, "", &CompileError{Output: "the crate gives no single module; set crate-type = [\"cdylib\", \"rlib\"] in its [lib]"}
	}
	code, err = readBuilt(built[0])
	return code, strings.TrimSuffix(filepath.Base(built[0]), ".wasm"), err
}
