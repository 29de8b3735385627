// Command outside is the world around a test cluster, which has none: an image
// registry and a name server. Both listen only where they are told to, inside
// the cluster's network namespace.
//
//	outside archive PROGRAM FILE   writes every image as one archive for "ctr images import"
//	outside serve   PROGRAM        serves registry and names (settings in the environment)
//
// PROGRAM is the built stage program, the content of every image.
package main

import (
	"fmt"
	"net/http"
	"os"
	"strings"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "outside:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	switch {
	case len(args) == 3 && args[0] == "archive":
		images, err := buildImages(args[1])
		if err != nil {
			return err
		}
		return writeArchive(args[2], images)
	case len(args) == 2 && args[0] == "serve":
		images, err := buildImages(args[1])
		if err != nil {
			return err
		}
		return serve(images)
	default:
		return fmt.Errorf("want: archive PROGRAM FILE, or serve PROGRAM")
	}
}

// serve runs until a part of it fails. Its settings:
//
//	REGISTRY_LISTEN    address of the registry
//	REGISTRY_PASSWORD  password of the user "puller" for private images
//	NAMES_LISTEN       comma-separated addresses of the name server
//	API_SERVER, API_CA, API_CERT, API_KEY  where and as whom Services are looked up
func serve(images []image) error {
	cluster, err := newCluster(os.Getenv("API_SERVER"), os.Getenv("API_CA"), os.Getenv("API_CERT"), os.Getenv("API_KEY"))
	if err != nil {
		return err
	}
	failed := make(chan error)
	for address := range strings.SplitSeq(os.Getenv("NAMES_LISTEN"), ",") {
		go func() { failed <- serveNames(address, cluster.lookup) }()
	}
	registry := newRegistry(images, os.Getenv("REGISTRY_PASSWORD"))
	go func() { failed <- http.ListenAndServe(os.Getenv("REGISTRY_LISTEN"), registry) }()
	return <-failed
}
