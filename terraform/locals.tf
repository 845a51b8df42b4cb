data "google_project" "this" {}

locals {
  name      = "fss-${var.deployment}"
  functions = concat(["dispatcher", "upload", "status"], length(var.askers) > 0 ? ["ask"] : [])

  # Python reads the same file, so a queue's rate and the code's spacing can't disagree.
  tier = jsondecode(file("${path.module}/../shared/tiers.json")).tiers[var.tier]

  # Known before the functions exist: each gets its own address and those of the others.
  url = {
    for function in local.functions :
    function => "https://${local.name}-${function}-${data.google_project.this.number}.${var.region}.run.app"
  }

  # In seconds, each less than the next. shared/config.py derives the same from the timeout.
  budgets = {
    work              = var.function_timeout_seconds - 40 # a step hands on after this
    watchdog          = var.function_timeout_seconds - 20 # its process ends itself after this
    function_timeout  = var.function_timeout_seconds
    dispatch_deadline = var.function_timeout_seconds + 5 # how long Cloud Tasks and Scheduler wait
    claim             = max(660, var.function_timeout_seconds + 65)
  }
}
