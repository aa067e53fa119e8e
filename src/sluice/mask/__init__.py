"""Floor 2: a decision's masks become plans for the kernel. What a method does to a value is the kernel's."""
