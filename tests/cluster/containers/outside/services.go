package main

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"time"
)

const serviceDomain = ".svc.cluster.local"

// cluster asks the API server for the addresses of Services. It keeps nothing:
// a name follows its Service at once, and tests look up few names.
type cluster struct {
	server string
	client *http.Client
}

func newCluster(server, ca, cert, key string) (*cluster, error) {
	authority, err := os.ReadFile(ca)
	if err != nil {
		return nil, fmt.Errorf("cannot read the cluster's authority: %w", err)
	}
	trusted := x509.NewCertPool()
	trusted.AppendCertsFromPEM(authority)
	identity, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("cannot read the client certificate: %w", err)
	}
	transport := &http.Transport{TLSClientConfig: &tls.Config{
		RootCAs: trusted, Certificates: []tls.Certificate{identity},
	}}
	return &cluster{server, &http.Client{Transport: transport, Timeout: 2 * time.Second}}, nil
}

// lookup knows SERVICE.NAMESPACE.svc.cluster.local of Services with an address
// of their own; headless ones have no such name here.
func (c *cluster) lookup(name string) (netip.Addr, error) {
	inside, found := strings.CutSuffix(name, serviceDomain)
	service, namespace, split := strings.Cut(inside, ".")
	if !found || !split || strings.Contains(namespace, ".") {
		return netip.Addr{}, errNoSuchName
	}
	url := fmt.Sprintf("%s/api/v1/namespaces/%s/services/%s", c.server, namespace, service)
	response, err := c.client.Get(url)
	if err != nil {
		return netip.Addr{}, err
	}
	defer response.Body.Close()
	if response.StatusCode == http.StatusNotFound {
		return netip.Addr{}, errNoSuchName
	}
	if response.StatusCode != http.StatusOK {
		return netip.Addr{}, fmt.Errorf("the API server answered %s", response.Status)
	}
	var object struct {
		Spec struct {
			ClusterIP string `json:"clusterIP"`
		} `json:"spec"`
	}
	if err := json.NewDecoder(response.Body).Decode(&object); err != nil {
		return netip.Addr{}, err
	}
	address, err := netip.ParseAddr(object.Spec.ClusterIP)
	if err != nil {
		return netip.Addr{}, errNoSuchName
	}
	return address, nil
}
