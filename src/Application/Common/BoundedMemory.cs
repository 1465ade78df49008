namespace Bsp.Application.Common;

/// <summary>Something that a process keeps for longer than one request. All of them are listed in <c>/metrics</c>.</summary>
public interface IBoundedMemory
{
    /// <summary>Lower-case, words joined by <c>_</c>.</summary>
    string Name { get; }

    /// <summary>Bytes it takes at most, estimated on the careful side.</summary>
    long BytesMax { get; }

    /// <summary>Bytes it takes now, by the same estimate.</summary>
    long BytesNow { get; }
}

/// <summary>
/// A collection, or a class of them, that lives as long as the process and is no <see cref="IBoundedMemory"/>, with the reason why it
/// cannot grow without end. A test walks every field of every service and
/// names the collections that carry neither.
/// </summary>
/// <param name="by">What bounds it, in words.</param>
[AttributeUsage(AttributeTargets.Field | AttributeTargets.Class, Inherited = false)]
public sealed class BoundedAttribute(string by) : Attribute
{
    /// <summary>What bounds it, in words.</summary>
    public string By { get; } = by;
}

/// <summary>A bound whose figures somebody else keeps.</summary>
/// <param name="now">Bytes now.</param>
public sealed class BoundedMemory(string name, long bytesMax, Func<long> now) : IBoundedMemory
{
    public string Name => name;

    public long BytesMax => bytesMax;

    public long BytesNow => now();
}
