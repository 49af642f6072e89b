// Command compiler turns Rego v1 sources into a bundle directory that OPA and lockkeeper read: `.manifest`,
// `policy.wasm`, `data.json` and the sources themselves. The same sources give the same bytes on every machine.
package main

import (
	"context"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
)

const usage = `compiler compiles Rego v1 policies to a bundle directory.

Usage:
  compiler -o <dir> [flags] <file.rego|directory>...

Directories are searched for .rego files; *_test.rego files and directories with a .manifest of their own (bundles)
are left out. Every rule named deny, warn or violation in a package below a root becomes an entrypoint.

Flags:
`

// repeated collects the values of a flag that may be given more than once.
type repeated []string

func (r *repeated) String() string { return fmt.Sprint(*r) }

func (r *repeated) Set(value string) error {
	*r = append(*r, value)
	return nil
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "compiler:", err)
		os.Exit(2)
	}
}

func run(args []string) error {
	var dataFiles, roots repeated
	flags := flag.NewFlagSet("compiler", flag.ExitOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), usage)
		flags.PrintDefaults()
	}
	out := flags.String("o", "", "the bundle `directory` to write; what an earlier run left in it is replaced")
	revision := flags.String("revision", "", "the bundle's revision (default: a digest of sources and data)")
	keepNativeReplace := flags.Bool("keep-native-replace", false, "keep OPA's own Wasm replace(), which never returns for an empty search string: only for the fixture that shows it")
	hostRegexes := flags.Bool("host-regexes", false, "only translate the patterns that come as a JSON list on standard input, as in calls of regex.match: for recordings")
	flags.Var(&dataFiles, "data", "a JSON `file` whose members are merged into data.json; may be given more than once")
	flags.Var(&roots, "root", "a `path` that the bundle owns, with slashes; may be given more than once (default lockkeeper)")
	if err := flags.Parse(args); err != nil {
		return err
	}
	if *hostRegexes {
		return printHostRegexes(os.Stdin, os.Stdout)
	}
	if *out == "" || flags.NArg() == 0 {
		flags.Usage()
		return fmt.Errorf("an output directory and at least one source are needed")
	}
	if len(roots) == 0 {
		roots = repeated{"lockkeeper"}
	}
	// OPA would pipe the module through whatever wasm-opt is installed: the result would depend on the machine.
	for _, name := range []string{"EXPERIMENTAL_WASM_OPT", "EXPERIMENTAL_WASM_OPT_ARGS"} {
		if err := os.Unsetenv(name); err != nil {
			return err
		}
	}

	sources, err := readSources(flags.Args())
	if err != nil {
		return err
	}
	data, err := readData(dataFiles)
	if err != nil {
		return err
	}
	replaced := maps.Clone(hostBuiltins)
	if *keepNativeReplace {
		delete(replaced, "replace")
	}
	if *revision == "" {
		*revision = digest(sources, data)
	}
	compiled, err := compileBundle(context.Background(), sources, data, roots, *revision, replaced)
	if err != nil {
		return err
	}
	return writeBundle(filepath.Clean(*out), compiled)
}
