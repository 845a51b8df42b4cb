variable "name" {
  description = "Prefix of the queues' names and of the account's."
  type        = string
}

variable "region" {
  description = "Region of the queues."
  type        = string
}

variable "queues" {
  description = "Dispatches per second, and dispatches at once, of each queue by the last part of its name."
  type = map(object({
    rate       = number
    concurrent = number
  }))
}

variable "creators" {
  description = "Who creates tasks, as IAM members by a name of your choice."
  type        = map(string)
}

variable "inspectors" {
  description = "Who checks whether a task still exists, as IAM members by a name of your choice."
  type        = map(string)
}

variable "log_sampling" {
  description = "Share of the queues' operations that is logged, from 0 to 1."
  type        = number
}
