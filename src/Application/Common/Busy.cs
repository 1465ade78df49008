namespace Bsp.Application.Common;

/// <summary>There is no room for this at the moment; nothing was done. Told as 503 with <c>Retry-After</c>, <c>request.busy</c>.</summary>
public sealed class Busy(string message) : Exception(message);
