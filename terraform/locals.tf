data "google_project" "this" {}

locals {
  name = "fss-${var.deployment}"

  # The file that Python reads too: a queue's rate and the code's spacing can't disagree.
  tier = jsondecode(file("${path.module}/../shared/tiers.json")).tiers[var.tier]

  # Known before the functions are: each is told its own address and the others'.
  url = {
    for function in ["dispatcher", "upload", "status"] :
    function => "https://${local.name}-${function}-${data.google_project.this.number}.${var.region}.run.app"
  }

  # Seconds, each within the next. shared/config.py derives the same from the function's timeout.
  budgets = {
    work              = var.function_timeout_seconds - 40 # then a step hands on
    watchdog          = var.function_timeout_seconds - 20 # then its process ends itself
    function_timeout  = var.function_timeout_seconds
    dispatch_deadline = var.function_timeout_seconds + 5 # how long a caller waits
    claim             = max(660, var.function_timeout_seconds + 65)
  }
}
