namespace Bsp.Domain.Common;

/// <summary>
/// Put on the state of an aggregate that a process must not keep in memory after a decision: because it holds people's words, sealed as
/// they are, and because another memory, without
/// them, already serves who decides next.
/// </summary>
[AttributeUsage(AttributeTargets.Class, Inherited = false)]
public sealed class NotRememberedAttribute : Attribute;
