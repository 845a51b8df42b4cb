output "dispatcher_url" {
  description = "POST /sync starts a sync; FSS_DISPATCHER_URL of the fss command."
  value       = local.url.dispatcher
}

output "status_url" {
  description = "State of syncs; FSS_STATUS_URL of the fss command."
  value       = local.url.status
}

output "status_page_command" {
  description = "Opens the status page on http://localhost:8080 for someone among operators or viewers."
  value       = "gcloud run services proxy ${module.status.name} --project ${var.project_id} --region ${var.region} --port 8080"
}

output "add_key_command" {
  description = "Adds a version to the key's secret; it reads the key from standard input."
  value       = "gcloud secrets versions add ${google_secret_manager_secret.gemini_api_key.secret_id} --project ${var.project_id} --data-file -"
}

output "documents_bucket" {
  description = "The bucket that is synced."
  value       = "gs://${var.documents_bucket.name}/${var.settings.prefix == null ? "" : var.settings.prefix}"
}

output "queues" {
  description = "Rate, in dispatches per second, and concurrency of each queue."
  value       = { for key, queue in local.queues : google_cloud_tasks_queue.this[key].name => queue }
}

output "packages" {
  description = "What is deployed: each function's zip, named by its sha256."
  value       = { for function, package in google_storage_bucket_object.package : function => package.name }
}

output "dashboard_url" {
  description = "The deployment's dashboard."
  value       = module.monitoring.dashboard_url
}

output "budgets" {
  description = "Seconds: a step's work, its process, the function, its caller's patience, a file's claim."
  value       = local.budgets

  precondition {
    condition = (
      0 < local.budgets.work &&
      local.budgets.work < local.budgets.watchdog &&
      local.budgets.watchdog < local.budgets.function_timeout &&
      local.budgets.function_timeout <= local.budgets.dispatch_deadline &&
      local.budgets.dispatch_deadline < local.budgets.claim &&
      local.budgets.dispatch_deadline <= 1800
    )
    error_message = "The budgets don't nest: work < watchdog < function timeout <= dispatch deadline < claim, and no caller waits longer than 30 minutes."
  }
}
