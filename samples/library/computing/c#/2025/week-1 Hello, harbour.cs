// The first program of the course: a foghorn.
using System;

for (var blast = 1; blast <= 3; blast++)
{
    Console.WriteLine($"Blast {blast}: BOOOO");
}
