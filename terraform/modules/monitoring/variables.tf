variable "name" {
  description = "Prefix of all resource names."
  type        = string
}

variable "project_id" {
  description = "The deployment's project."
  type        = string
}

variable "services" {
  description = "Cloud Run service of each function."
  type        = map(string)
}

variable "queues" {
  description = "Name of each queue."
  type        = map(string)
}

variable "rate" {
  description = "Dispatches per second of the uploads queue."
  type        = number
}

variable "sync_period_hours" {
  description = "A sync should be completed at least this often; null if none is scheduled."
  type        = number
}

variable "notification_channels" {
  description = "Channels that receive the alerts."
  type        = list(string)
}

variable "freshness_hours" {
  description = "A change in the bucket should be searchable within this many hours, 99 % of the time."
  type        = number
}

variable "documentation_url" {
  description = "Address of the documentation, to whose page operations.md the alerts link; null for none."
  type        = string
}

variable "supervisor_job" {
  description = "The Cloud Scheduler job that calls the supervisor every minute. Alerts are made once it exists."
  type        = string
}
