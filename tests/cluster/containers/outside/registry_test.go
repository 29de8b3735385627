package main

import (
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func testRegistry(t *testing.T) *registry {
	t.Helper()
	program := filepath.Join(t.TempDir(), "stage")
	if err := os.WriteFile(program, []byte("program"), 0o755); err != nil {
		t.Fatal(err)
	}
	images, err := buildImages(program)
	if err != nil {
		t.Fatal(err)
	}
	return newRegistry(images, "right")
}

func get(registry *registry, path, password string) *httptest.ResponseRecorder {
	request := httptest.NewRequest(http.MethodGet, path, nil)
	if password != "" {
		request.SetBasicAuth(registryUser, password)
	}
	answer := httptest.NewRecorder()
	registry.ServeHTTP(answer, request)
	return answer
}

func TestAnUnknownTagIsAnUnknownManifest(t *testing.T) {
	answer := get(testRegistry(t), "/v2/library/stage/manifests/99", "")
	if answer.Code != http.StatusNotFound || !strings.Contains(answer.Body.String(), "MANIFEST_UNKNOWN") {
		t.Fatalf("%d %s", answer.Code, answer.Body)
	}
}

func TestPrivateImagesNeedTheRightPassword(t *testing.T) {
	registry := testRegistry(t)
	const path = "/v2/private/stage/manifests/1"
	for password, want := range map[string]int{"": 401, "wrong": 401, "right": 200} {
		if answer := get(registry, path, password); answer.Code != want {
			t.Errorf("password %q: %d", password, answer.Code)
		}
	}
	// a name that does not exist must not be told apart without the password
	if answer := get(registry, "/v2/private/other/manifests/1", ""); answer.Code != 401 {
		t.Errorf("unknown private name: %d", answer.Code)
	}
}

func TestVersionsHaveDifferentDigests(t *testing.T) {
	registry := testRegistry(t)
	one := get(registry, "/v2/library/stage/manifests/1", "").Header().Get("Docker-Content-Digest")
	two := get(registry, "/v2/library/stage/manifests/2", "").Header().Get("Docker-Content-Digest")
	if one == "" || one == two {
		t.Fatalf("%q and %q", one, two)
	}
}
