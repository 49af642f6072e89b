package main

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sort"
	"strings"
)

// source is one Rego file; path is relative to the argument it was found under, with slashes.
type source struct {
	path string
	text []byte
}

// readSources reads the policies below the given files and directories, sorted by path.
func readSources(args []string) ([]source, error) {
	found := map[string]string{}
	var sources []source
	add := func(path, file string) error {
		if other, ok := found[path]; ok {
			return fmt.Errorf("%s and %s would both be %s in the bundle", other, file, path)
		}
		found[path] = file
		text, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		sources = append(sources, source{path, text})
		return nil
	}
	for _, arg := range args {
		info, err := os.Stat(arg)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			if err := add(filepath.Base(arg), arg); err != nil {
				return nil, err
			}
			continue
		}
		err = filepath.WalkDir(arg, func(file string, entry fs.DirEntry, err error) error {
			if err != nil {
				return err
			}
			if entry.IsDir() {
				if _, err := os.Stat(filepath.Join(file, ".manifest")); err == nil && file != arg {
					return filepath.SkipDir
				}
				return nil
			}
			if !strings.HasSuffix(file, ".rego") || strings.HasSuffix(file, "_test.rego") {
				return nil
			}
			path, err := filepath.Rel(arg, file)
			if err != nil {
				return err
			}
			return add(filepath.ToSlash(path), file)
		})
		if err != nil {
			return nil, err
		}
	}
	if len(sources) == 0 {
		return nil, fmt.Errorf("no .rego file below %s", strings.Join(args, ", "))
	}
	sort.Slice(sources, func(i, j int) bool { return sources[i].path < sources[j].path })
	return sources, nil
}

// readData merges JSON files into one document; the same path in two files is an error. Numbers keep their text.
func readData(files []string) (map[string]any, error) {
	data := map[string]any{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			return nil, err
		}
		decoder := json.NewDecoder(bytes.NewReader(text))
		decoder.UseNumber()
		var document map[string]any
		if err := decoder.Decode(&document); err != nil {
			return nil, fmt.Errorf("%s: %w", file, err)
		}
		if decoder.More() {
			return nil, fmt.Errorf("%s: more than one JSON value", file)
		}
		if err := merge(data, document, file, "data"); err != nil {
			return nil, err
		}
	}
	return data, nil
}

func merge(into, from map[string]any, file, path string) error {
	for key, value := range from {
		old, exists := into[key]
		if !exists {
			into[key] = value
			continue
		}
		oldObject, oldIsObject := old.(map[string]any)
		object, isObject := value.(map[string]any)
		if !oldIsObject || !isObject {
			return fmt.Errorf("%s: %s.%s was given by an earlier file already", file, path, key)
		}
		if err := merge(oldObject, object, file, path+"."+key); err != nil {
			return err
		}
	}
	return nil
}

// digest names the sources and the data in twelve hexadecimal digits.
func digest(sources []source, data map[string]any) string {
	hash := sha256.New()
	for _, s := range sources {
		fmt.Fprintf(hash, "%s\n%d\n", s.path, len(s.text))
		hash.Write(s.text)
	}
	hash.Write(compactJSON(data))
	return hex.EncodeToString(hash.Sum(nil))[:12]
}

// compactJSON writes object keys sorted, without a final newline.
func compactJSON(value any) []byte {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		panic(err) // only values that came from JSON or that this program made get here
	}
	return bytes.TrimRight(out.Bytes(), "\n")
}
