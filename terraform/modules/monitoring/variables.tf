variable "name" {
  description = "What the names of all resources begin with."
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
  description = "A sync should be completed at least this often; null where none is scheduled."
  type        = number
}

variable "notification_channels" {
  description = "Where alerts go."
  type        = list(string)
}
