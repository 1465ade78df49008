namespace Bsp.LocalStores.Common;

/// <summary>
/// Something outside this program stands in the way. The message is one sentence for a person: what is wrong and what to do about it.
/// </summary>
public sealed class Obstacle(string message, Exception? inner = null) : Exception(message, inner);
