package main

import (
	"bytes"
	"crypto/subtle"
	"encoding/json"
	"net/http"
	"strings"
	"time"
)

// registry serves images to a container runtime, and refuses in the ways real
// registries do: 404 MANIFEST_UNKNOWN for a name it does not have, 401
// UNAUTHORIZED for everything under private/ without the password.
// Protocol: OCI distribution specification 1.1, pull endpoints only.
type registry struct {
	manifests map[string]blob // by repository:tag and repository:digest
	blobs     map[string]blob // by digest
	password  string
}

const registryUser = "puller"

func (i image) private() bool {
	return strings.HasPrefix(i.repository, "private/")
}

func newRegistry(images []image, password string) *registry {
	r := &registry{map[string]blob{}, map[string]blob{}, password}
	for _, image := range images {
		r.manifests[image.repository+":"+image.tag] = image.manifest
		r.manifests[image.repository+":"+image.manifest.digest] = image.manifest
		r.blobs[image.config.digest] = image.config
		r.blobs[image.layer.digest] = image.layer
	}
	return r
}

func (r *registry) ServeHTTP(w http.ResponseWriter, request *http.Request) {
	path := strings.TrimPrefix(request.URL.Path, "/v2/")
	if strings.HasPrefix(path, "private/") && !r.knows(request) {
		w.Header().Set("WWW-Authenticate", `Basic realm="registry"`)
		refuse(w, http.StatusUnauthorized, "UNAUTHORIZED", "authentication required")
		return
	}
	if repository, reference, found := strings.Cut(path, "/manifests/"); found {
		manifest, known := r.manifests[repository+":"+reference]
		if !known {
			refuse(w, http.StatusNotFound, "MANIFEST_UNKNOWN", "manifest unknown")
			return
		}
		answer(w, request, manifest)
		return
	}
	if _, digest, found := strings.Cut(path, "/blobs/"); found {
		blob, known := r.blobs[digest]
		if !known {
			refuse(w, http.StatusNotFound, "BLOB_UNKNOWN", "blob unknown to registry")
			return
		}
		answer(w, request, blob)
		return
	}
	if path == "" {
		return
	}
	refuse(w, http.StatusNotFound, "NAME_UNKNOWN", "repository name not known to registry")
}

func (r *registry) knows(request *http.Request) bool {
	user, password, given := request.BasicAuth()
	return given && user == registryUser && r.password != "" &&
		subtle.ConstantTimeCompare([]byte(password), []byte(r.password)) == 1
}

func answer(w http.ResponseWriter, request *http.Request, blob blob) {
	w.Header().Set("Content-Type", blob.media)
	w.Header().Set("Docker-Content-Digest", blob.digest)
	// answers HEAD and byte ranges, which a runtime uses to resume
	http.ServeContent(w, request, "", time.Time{}, bytes.NewReader(blob.bytes))
}

func refuse(w http.ResponseWriter, status int, code, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(map[string]any{
		"errors": []map[string]string{{"code": code, "message": message}},
	})
}
