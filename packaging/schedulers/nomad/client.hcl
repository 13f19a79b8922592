# For the configuration of Nomad clients: jobs may mount the socket's folder. The agent
# has to have made it before Nomad starts. Not run by our tests.
client {
  host_volume "poolcert" {
    path      = "/run/poolcert"
    read_only = true
  }
}
