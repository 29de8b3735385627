package main

import (
	"archive/tar"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"runtime"
	"strconv"
)

const (
	manifestType = "application/vnd.oci.image.manifest.v1+json"
	configType   = "application/vnd.oci.image.config.v1+json"
	layerType    = "application/vnd.oci.image.layer.v1.tar"

	// versions is how many tags the stage image has. They differ in a label
	// alone, so they behave alike and have different digests.
	versions = 5
)

// blob is content under the name of its hash, as registries store it.
type blob struct {
	media  string
	bytes  []byte
	digest string
}

// image is one name with all that it consists of.
// Format: OCI image specification 1.1, image-manifest.md and config.md.
type image struct {
	repository string
	tag        string
	manifest   blob
	config     blob
	layer      blob
}

func (i image) name() string {
	return "docker.io/" + i.repository + ":" + i.tag
}

func newBlob(media string, content []byte) blob {
	sum := sha256.Sum256(content)
	return blob{media, content, "sha256:" + hex.EncodeToString(sum[:])}
}

// descriptor is how one piece of an image refers to another.
func (b blob) descriptor() map[string]any {
	return map[string]any{"mediaType": b.media, "digest": b.digest, "size": len(b.bytes)}
}

// buildImages makes stage:1 and so on, the same under private/, and pause.
func buildImages(program string) ([]image, error) {
	content, err := os.ReadFile(program)
	if err != nil {
		return nil, fmt.Errorf("cannot read the stage program: %w", err)
	}
	layer, err := buildLayer(content)
	if err != nil {
		return nil, fmt.Errorf("cannot pack the stage program: %w", err)
	}
	var images []image
	add := func(repository, tag, command string) error {
		image, err := buildImage(repository, tag, command, layer)
		images = append(images, image)
		return err
	}
	if err := add("library/pause", "1", "pause"); err != nil {
		return nil, err
	}
	for version := 1; version <= versions; version++ {
		for _, repository := range []string{"library/stage", "private/stage"} {
			if err := add(repository, strconv.Itoa(version), ""); err != nil {
				return nil, err
			}
		}
	}
	return images, nil
}

func buildImage(repository, tag, command string, layer blob) (image, error) {
	settings := map[string]any{
		"Entrypoint": []string{"/app"},
		"Env":        []string{"PATH=/"},
		"Labels":     map[string]string{"image": repository, "version": tag},
	}
	if command != "" {
		settings["Cmd"] = []string{command}
	}
	config, err := jsonBlob(configType, map[string]any{
		"architecture": runtime.GOARCH,
		"os":           "linux",
		"config":       settings,
		"rootfs":       map[string]any{"type": "layers", "diff_ids": []string{layer.digest}},
	})
	if err != nil {
		return image{}, err
	}
	manifest, err := jsonBlob(manifestType, map[string]any{
		"schemaVersion": 2,
		"mediaType":     manifestType,
		"config":        config.descriptor(),
		"layers":        []any{layer.descriptor()},
	})
	return image{repository, tag, manifest, config, layer}, err
}

func jsonBlob(media string, content any) (blob, error) {
	text, err := json.Marshal(content)
	return newBlob(media, text), err
}

// buildLayer packs the program without times, so that its digest depends on
// nothing but the program.
func buildLayer(program []byte) (blob, error) {
	var out bytes.Buffer
	pack := tar.NewWriter(&out)
	err := pack.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: "tmp/", Mode: 0o1777})
	if err != nil {
		return blob{}, err
	}
	if err := writeFile(pack, "app", 0o755, program); err != nil {
		return blob{}, err
	}
	if err := pack.Close(); err != nil {
		return blob{}, err
	}
	return newBlob(layerType, out.Bytes()), nil
}

func writeFile(pack *tar.Writer, name string, mode int64, content []byte) error {
	header := tar.Header{Typeflag: tar.TypeReg, Name: name, Mode: mode, Size: int64(len(content))}
	if err := pack.WriteHeader(&header); err != nil {
		return err
	}
	_, err := pack.Write(content)
	return err
}
