package main

import (
	"archive/tar"
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

// writeArchive writes the images that a node holds from the start as one OCI
// image layout (OCI image specification 1.1, image-layout.md). Private ones are
// left out: they exist to be pulled.
func writeArchive(path string, images []image) error {
	file, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("cannot write the images: %w", err)
	}
	pack := tar.NewWriter(file)
	if err := packImages(pack, images); err != nil {
		return fmt.Errorf("cannot write the images to %s: %w", path, err)
	}
	if err := pack.Close(); err != nil {
		return fmt.Errorf("cannot write the images to %s: %w", path, err)
	}
	return file.Close()
}

func packImages(pack *tar.Writer, images []image) error {
	written := map[string]bool{}
	var manifests []any
	for _, image := range images {
		if image.private() {
			continue
		}
		entry := image.manifest.descriptor()
		// the annotation by which containerd names what it imports
		entry["annotations"] = map[string]string{"io.containerd.image.name": image.name()}
		manifests = append(manifests, entry)
		for _, blob := range []blob{image.layer, image.config, image.manifest} {
			if written[blob.digest] {
				continue
			}
			written[blob.digest] = true
			name := "blobs/" + strings.Replace(blob.digest, ":", "/", 1)
			if err := writeFile(pack, name, 0o644, blob.bytes); err != nil {
				return err
			}
		}
	}
	index, err := json.Marshal(map[string]any{"schemaVersion": 2, "manifests": manifests})
	if err != nil {
		return err
	}
	if err := writeFile(pack, "index.json", 0o644, index); err != nil {
		return err
	}
	return writeFile(pack, "oci-layout", 0o644, []byte(`{"imageLayoutVersion":"1.0.0"}`))
}
