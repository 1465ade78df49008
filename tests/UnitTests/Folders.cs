using System.Reflection;
using Mono.Cecil;
using Mono.Cecil.Cil;

namespace Bsp.UnitTests;

/// <summary>
/// Which folders (namespaces) of one assembly use which, from its compiled code: signatures, fields, attributes and every instruction.
/// </summary>
internal static class Folders
{
    /// <summary>Groups of folders that use each other in a circle, each sorted; empty when there is none.</summary>
    public static IReadOnlyList<string> Circles(Assembly assembly)
    {
        var uses = Uses(assembly);
        return [.. Components(uses).Where(group => group.Count > 1).Select(group => string.Join(", ", group.Order(StringComparer.Ordinal)))
            .Order(StringComparer.Ordinal)];
    }

    /// <summary>For each folder those it uses, each with an example.</summary>
    public static Dictionary<string, Dictionary<string, string>> Uses(Assembly assembly)
    {
        using var module = ModuleDefinition.ReadModule(assembly.Location);
        var root = $"Bsp.{assembly.GetName().Name!.Split('.')[^1]}.";
        var uses = new Dictionary<string, Dictionary<string, string>>();
        foreach (var type in module.GetTypes())
        {
            if (FolderOf(type, root) is not { } own)
            {
                continue;
            }

            var others = uses.TryGetValue(own, out var known) ? known : uses[own] = [];
            foreach (var used in UsedBy(type).SelectMany(Parts))
            {
                if (FolderOf(used, root) is { } other && other != own)
                {
                    others.TryAdd(other, $"{type.FullName} → {used.FullName}");
                }
            }
        }

        return uses;
    }

    private static string? FolderOf(TypeReference type, string root)
    {
        while (type.DeclaringType is { } outer)
        {
            type = outer;
        }

        return type.Namespace.StartsWith(root, StringComparison.Ordinal) ? type.Namespace[root.Length..].Split('.')[0] : null;
    }

    private static IEnumerable<TypeReference> UsedBy(TypeDefinition type)
    {
        var direct = type.Interfaces.Select(i => i.InterfaceType).Concat(type.Fields.Select(f => f.FieldType))
            .Concat(type.CustomAttributes.Select(a => a.AttributeType));
        return (type.BaseType is { } parent ? direct.Prepend(parent) : direct).Concat(type.Methods.SelectMany(UsedBy));
    }

    private static IEnumerable<TypeReference> UsedBy(MethodDefinition method)
    {
        var signature = method.Parameters.Select(p => p.ParameterType).Append(method.ReturnType);
        return method.HasBody ? signature.Concat(method.Body.Variables.Select(v => v.VariableType))
            .Concat(method.Body.Instructions.SelectMany(UsedBy)) : signature;
    }

    private static IEnumerable<TypeReference> UsedBy(Instruction instruction) => instruction.Operand switch
    {
        TypeReference type => [type],
        GenericInstanceMethod method => [method.DeclaringType, .. method.GenericArguments],
        MethodReference method => [method.DeclaringType],
        FieldReference field => [field.DeclaringType, field.FieldType],
        _ => [],
    };

    private static IEnumerable<TypeReference> Parts(TypeReference type) => type switch
    {
        GenericInstanceType generic => generic.GenericArguments.SelectMany(Parts).Prepend(generic.ElementType),
        TypeSpecification wrapped => Parts(wrapped.ElementType),
        _ => [type],
    };

    // Tarjan's strongly connected components.
    private static List<List<string>> Components(Dictionary<string, Dictionary<string, string>> uses)
    {
        var (index, low, stack, found) =
            (new Dictionary<string, int>(), new Dictionary<string, int>(), new Stack<string>(), new List<List<string>>());
        foreach (var folder in uses.Keys.Order(StringComparer.Ordinal))
        {
            Visit(folder);
        }

        return found;

        void Visit(string folder)
        {
            if (index.ContainsKey(folder))
            {
                return;
            }

            index[folder] = low[folder] = index.Count;
            stack.Push(folder);
            foreach (var other in uses[folder].Keys.Where(uses.ContainsKey))
            {
                if (!index.ContainsKey(other))
                {
                    Visit(other);
                    low[folder] = Math.Min(low[folder], low[other]);
                }
                else if (stack.Contains(other))
                {
                    low[folder] = Math.Min(low[folder], index[other]);
                }
            }

            if (low[folder] == index[folder])
            {
                var group = new List<string>();
                string last;
                do
                {
                    group.Add(last = stack.Pop());
                }
                while (last != folder);
                found.Add(group);
            }
        }
    }
}
