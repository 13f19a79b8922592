# A job with a sealed password. Not run by our tests.
# In agent.toml: [access.task] users = ["report"]
job "report" {
  type = "batch"

  group "report" {
    volume "poolcert" {
      type      = "host"
      source    = "poolcert"
      read_only = true
    }

    task "report" {
      driver = "exec"
      user   = "report"

      volume_mount {
        volume      = "poolcert"
        destination = "/run/poolcert"
        read_only   = true
      }

      # Nomad stores and shows this: it is sealed.
      env {
        DB_PASSWORD = "sealed:MIIB..."
      }

      config {
        command = "/usr/bin/poolcert"
        args    = ["exec", "--", "/usr/local/bin/report", "--fast"]
      }
    }
  }
}
