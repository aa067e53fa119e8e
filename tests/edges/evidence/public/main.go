// Reads a log with Go's own libraries for signed notes and tiled logs: main FOLDER VERIFIER-KEY.
package main

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

type tiles struct{ folder string }

func (t tiles) Height() int                     { return 8 }
func (t tiles) SaveTiles([]tlog.Tile, [][]byte) {}
func (t tiles) ReadTiles(of []tlog.Tile) ([][]byte, error) {
	var found [][]byte
	for _, tile := range of {
		// C2SP leaves the height out of the path.
		data, err := os.ReadFile(filepath.Join(t.folder, strings.Replace(tile.Path(), "tile/8/", "tile/", 1)))
		if err != nil {
			return nil, err
		}
		found = append(found, data)
	}
	return found, nil
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func main() {
	folder := os.Args[1]
	verifier, err := note.NewVerifier(os.Args[2])
	check(err)
	signed, err := os.ReadFile(filepath.Join(folder, "checkpoint"))
	check(err)
	opened, err := note.Open(signed, note.VerifierList(verifier))
	check(err)
	lines := strings.SplitN(opened.Text, "\n", 2)
	tree, err := tlog.ParseTree([]byte("go.sum database tree\n" + lines[1]))
	check(err)
	reader := tlog.TileHashReader(tree, tiles{folder})
	var indexes []int64
	var entries [][]byte
	for at := int64(0); at < tree.N; at += 256 {
		tile := tlog.Tile{H: 8, L: -1, N: at / 256, W: int(min(256, tree.N-at))}
		path := strings.Replace(tile.Path(), "tile/8/data/", "tile/entries/", 1)
		bundle, err := os.ReadFile(filepath.Join(folder, path))
		check(err)
		for len(bundle) > 0 {
			size := binary.BigEndian.Uint16(bundle)
			entries = append(entries, bundle[2:2+size])
			indexes = append(indexes, tlog.StoredHashIndex(0, int64(len(indexes))))
			bundle = bundle[2+size:]
		}
	}
	hashes, err := reader.ReadHashes(indexes)
	check(err)
	for at, entry := range entries {
		hash := tlog.RecordHash(entry)
		if !bytes.Equal(hash[:], hashes[at][:]) {
			check(fmt.Errorf("entry %d is not in its tile", at))
		}
	}
	proof, err := tlog.ProveRecord(tree.N, tree.N/2, reader)
	check(err)
	check(tlog.CheckRecord(proof, tree.N, tree.Hash, tree.N/2, hashes[tree.N/2]))
	older, err := tlog.TreeHash(tree.N/3, reader)
	check(err)
	path, err := tlog.ProveTree(tree.N, tree.N/3, reader)
	check(err)
	check(tlog.CheckTree(path, tree.N, tree.Hash, tree.N/3, older))
	fmt.Printf("%s %d\n", lines[0], len(entries))
}
