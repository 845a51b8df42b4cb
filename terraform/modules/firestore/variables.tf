variable "project_id" {
  description = "The deployment's project."
  type        = string
}

variable "name" {
  description = "Name of the database."
  type        = string
}

variable "location" {
  description = "A region, or a multi-region such as nam5; it can't be changed later."
  type        = string
}

variable "writers" {
  description = "Who writes records, as IAM members by a name of your choice."
  type        = map(string)
}

variable "readers" {
  description = "Who only reads records, as IAM members by a name of your choice."
  type        = map(string)
}

variable "deletion_protection" {
  description = "Whether the database survives terraform destroy."
  type        = bool
}

variable "point_in_time_recovery" {
  description = "Whether the database keeps seven days of history to recover from; it is billed as storage."
  type        = bool
}
